"""Child processes: started, watched, restarted and ended, and the leftovers of a launcher that was killed."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.state import ROOT, State, read_json, say, write_json

FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0
STEADY = 60.0  # after running this long a child is healthy again and its next restart is quick
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class StopRequested(Exception):
    """Ctrl-C, or a signal that means the same."""


@dataclass(frozen=True, kw_only=True)
class Child:
    name: str
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    cwd: Path = ROOT
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL  # sent by the system when the launcher dies
    patience: float = 8.0  # seconds from stop_signal to SIGKILL
    tier: int = 0  # lower tiers end first: programs before the services they use
    user: dict[str, Any] = field(default_factory=dict)
    sockets: tuple[socket.socket, ...] = ()  # inherited; held here so that they stay open between restarts
    before_start: Callable[[], None] = lambda: None


@dataclass
class Running:
    child: Child
    process: subprocess.Popen[bytes]
    since: float
    identity: str | None  # taken at once: later the pid may be somebody else's
    delay: float = FIRST_DELAY
    restart_at: float | None = None


class Supervisor:
    """Owns the children of one launcher. All calls come from the main thread."""

    def __init__(self, state: State, label: str) -> None:
        self.state = state
        self.record = state.path / f"children-{label}.json"
        self.running: dict[str, Running] = {}
        self.stopping = False
        self._awake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        os.set_blocking(self._awake, False)

    # --- signals and waiting ----------------------------------------------------------------------

    def catch_signals(self) -> None:
        """Signals only leave a note and end a pause; nothing is interrupted half-way."""
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup keeps its meaning
                signal.signal(number, self._note_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _note_stop(self, *_: object) -> None:
        self.stopping = True

    def pause(self, seconds: float) -> None:
        """Sleep until a signal, the end of a child, or the time is over."""
        if not self.stopping:
            select.select([self._awake], [], [], seconds)
            with contextlib.suppress(BlockingIOError):
                os.read(self._awake, 4096)
        if self.stopping:
            raise StopRequested

    # --- one child --------------------------------------------------------------------------------

    def start(self, child: Child) -> None:
        child.before_start()
        process = spawn(child, self.log_of(child.name))
        self.running[child.name] = Running(child, process, time.monotonic(), identity(process.pid))
        self._remember()

    def run(self, child: Child) -> int:
        """Start a child that ends by itself, and wait for that."""
        self.start(child)
        while self.alive(child.name):
            self.pause(1)
        process = self.running.pop(child.name).process
        self._remember()
        return process.returncode

    def alive(self, name: str) -> bool:
        running = self.running.get(name)
        return running is not None and not has_ended(running.process)

    def log_of(self, name: str) -> Path:
        return self.state.log / f"{name}.log"

    def log_tail(self, name: str, lines: int = 15) -> str:
        with contextlib.suppress(OSError):
            text = self.log_of(name).read_text(errors="replace")
            return "\n".join(text.rstrip().splitlines()[-lines:])
        return ""

    # --- all of them --------------------------------------------------------------------------------

    def tend(self) -> None:
        """Restart what ended, later each time."""
        now = time.monotonic()
        for name, running in list(self.running.items()):
            if running.restart_at is None and has_ended(running.process):
                if now - running.since > STEADY:
                    running.delay = FIRST_DELAY
                running.restart_at = now + running.delay
                reason = how(running.process.returncode)
                say(f"  {name} ended ({reason}), starts again in {running.delay:.0f} s")
            elif running.restart_at is not None and now >= running.restart_at:
                self.start(running.child)
                self.running[name].delay = min(running.delay * 2, LONGEST_DELAY)
                say(f"  {name} started again")

    def stop(self, *names: str) -> None:
        """End these children (all when none is named), tier by tier, and wait until they are gone."""
        chosen = [running for name, running in self.running.items() if not names or name in names]
        for tier in sorted({running.child.tier for running in chosen}):
            end_all([running for running in chosen if running.child.tier == tier])
        for running in chosen:
            del self.running[running.child.name]
            for each in running.child.sockets:
                each.close()
        self._remember()

    def _remember(self) -> None:
        write_json(
            self.record,
            [
                {
                    "name": running.child.name,
                    "pid": running.process.pid,
                    "identity": running.identity,
                    "stop_signal": int(running.child.death_signal),
                }
                for running in self.running.values()
            ],
        )

    def end_leftovers(self) -> int:
        """End what a killed launcher of this checkout left behind; never a stranger with a reused pid."""
        left = [entry for entry in read_json(self.record) or [] if is_still(entry)]
        for entry in left:
            signal_group(entry["pid"], entry["stop_signal"])
        deadline = time.monotonic() + 15
        while any(is_still(entry) for entry in left):
            if time.monotonic() > deadline:
                for entry in filter(is_still, left):
                    signal_group(entry["pid"], signal.SIGKILL)
                deadline = time.monotonic() + 5
            self.pause(0.1)
        self.record.unlink(missing_ok=True)
        return len(left)


def spawn(child: Child, log: Path) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C reaches only the launcher, and the group can be ended as one."""
    with log.open("ab") as output:
        return subprocess.Popen(
            child.command,
            env={**os.environ, **child.env},
            cwd=child.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[each.fileno() for each in child.sockets],
            preexec_fn=tether(child.death_signal),  # noqa: PLW1509 the launcher has no threads
            **child.user,
        )


def tether(death_signal: int) -> Callable[[], None] | None:
    """Bind the child's life to ours: Linux sends the signal even when we are killed by SIGKILL."""
    if LIBC is None:
        return None
    libc, launcher = LIBC, os.getpid()

    def bind() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != launcher:  # killed before the child could ask
            os._exit(1)

    return bind


def end_all(chosen: list[Running]) -> None:
    for running in chosen:
        if not has_ended(running.process):
            running.process.send_signal(running.child.stop_signal)
    started = time.monotonic()
    while waiting := [running for running in chosen if not has_ended(running.process)]:
        for running in waiting:
            if time.monotonic() - started > running.child.patience:
                signal_group(running.process.pid, signal.SIGKILL)
        time.sleep(0.05)


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Also ends what the child itself had started and left in its group."""
    if process.returncode is not None:
        return True
    if process.poll() is None:
        return False
    signal_group(process.pid, signal.SIGKILL)
    return True


def signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def how(returncode: int) -> str:
    return signal.Signals(-returncode).name if returncode < 0 else f"exit {returncode}"


def is_still(entry: dict[str, Any]) -> bool:
    return entry["identity"] is not None and identity(entry["pid"]) == entry["identity"]


def identity(pid: int) -> str | None:
    """What no later process with the same pid can have: boot, start time, program. None: gone or a zombie."""
    return _identity_from_proc(pid) if Path("/proc/self/stat").exists() else _identity_from_ps(pid)


def _identity_from_proc(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    head, _, rest = text.rpartition(")")
    fields = rest.split()
    if fields[0] in "ZX":
        return None
    program, start_tick = head.partition("(")[2], fields[19]
    return f"{_boot_id()} {start_tick} {program}"


@functools.cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _identity_from_ps(pid: int) -> str | None:
    found = subprocess.run(
        ["ps", "-o", "stat=,lstart=,comm=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    status, _, rest = found.stdout.strip().partition(" ")
    return None if not status or status.startswith("Z") else rest.strip()
