"""One run for all who ask the same at once.

A signal makes every open board ask for the same part of the page within some milliseconds. `shared` answers them with
few runs, and no answer is older than it would be without: whoever asks while a run is under way waits for the next
one, which has read nothing yet. Nothing is kept: there is no age and nothing to invalidate.
"""

from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from functools import wraps
from threading import Lock
from typing import TypeVar, TypeVarTuple

from django.db import connections

Ts = TypeVarTuple("Ts")
R = TypeVar("R")


class _Run:
    """One call of the work, after the run for the same arguments that was under way when it was asked for."""

    def __init__(self, after: "_Run | None") -> None:
        self.after = after
        self.done: Future[object] = Future()


class _Runs:
    """At most one run under way and one to come for each set of arguments."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.to_come: dict[Hashable, _Run] = {}
        self.under_way: dict[Hashable, _Run] = {}

    def asked(self, key: Hashable) -> tuple[_Run, bool]:
        """The run that will answer, and whether the caller is the one to do it."""
        with self.lock:
            if run := self.to_come.get(key):
                return run, False
            run = self.to_come[key] = _Run(self.under_way.get(key))
            return run, True

    def begin(self, key: Hashable, run: _Run) -> None:
        """From here on nobody joins."""
        if run.after:
            _wait_for(run.after)
            run.after = None  # else each run would hold the one before, back to the first
        with self.lock:
            self.under_way[key] = self.to_come.pop(key)

    def end(self, key: Hashable, run: _Run) -> None:
        with self.lock:
            if self.under_way.get(key) is run:
                del self.under_way[key]


def shared(work: Callable[[*Ts], R]) -> Callable[[*Ts], R]:
    """Callers with equal arguments share runs of `work`; its result may depend on nothing but them and the data.

    So what a person may see belongs into the arguments, or is asked before the call. When a run fails, everybody who
    waited for it works for himself: one caller's lost connection is not the others'. `work` must not call itself.
    """
    runs = _Runs()

    @wraps(work)
    def ask(*args: *Ts) -> R:
        run, is_mine = runs.asked(args)
        if not is_mine:
            _wait_for(run)
            return work(*args) if run.done.exception() else run.done.result()  # type: ignore[return-value]
        runs.begin(args, run)
        try:
            result = work(*args)
        except BaseException as error:
            run.done.set_exception(error)
            raise
        else:
            run.done.set_result(result)
            return result
        finally:
            runs.end(args, run)

    return ask


def _wait_for(run: _Run) -> None:
    """Whoever waits holds no database connection: the pool is small, and the one who works may need it."""
    if not run.done.done():
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close()
    wait([run.done])
