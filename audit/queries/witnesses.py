"""What each witness says about the log just now. Run by the watch: a witness may lie on a share that hangs."""

import datetime as dt
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from audit.queries.compare import Outcome, compare
from audit.witness import last_note

ANSWERS_WITHIN = 10.0  # seconds
BEHIND_AFTER = dt.timedelta(minutes=5)  # checkpoints older than this must have arrived

_NEXT = """
    SELECT min(at) FROM (SELECT at FROM journal_checkpoint WHERE (epoch, size) > (%s, %s) ORDER BY epoch, size LIMIT 1)
    AS next
"""


class Standing(TextChoices):
    AGREES = "agrees", _("agrees")
    BEHIND = "behind", _("does not receive new checkpoints")
    UNREACHABLE = "unreachable", _("cannot be read")
    EMPTY = "empty", _("holds no checkpoint")
    REGRESSION = "regression", _("saw more entries than there are now")
    DIFFERS = "differs", _("saw another log")
    OTHER_KEY = "other_key", _("holds a checkpoint of another key")


CONTRADICTS = frozenset({Standing.REGRESSION, Standing.DIFFERS, Standing.OTHER_KEY})
_STANDINGS = {
    Outcome.AGREES: Standing.AGREES,
    Outcome.REGRESSION: Standing.REGRESSION,
    Outcome.DIFFERS: Standing.DIFFERS,
    Outcome.OTHER_KEY: Standing.OTHER_KEY,
    Outcome.UNREADABLE: Standing.EMPTY,
}


@dataclass(frozen=True, slots=True)
class WitnessState:
    path: str
    standing: str
    epoch: int = 0
    size: int = 0
    at: str = ""  # of its last checkpoint, as signed
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def witness_state(path: Path) -> WitnessState:
    name = str(path)
    try:
        note = _within_time(path)
    except (OSError, TimeoutError) as error:
        return WitnessState(name, Standing.UNREACHABLE, error=str(error) or type(error).__name__)
    if note is None:
        return WitnessState(name, Standing.EMPTY)
    found = compare(note)
    standing = _STANDINGS[found.outcome]
    if found.told is None:
        return WitnessState(name, standing)
    if standing is Standing.AGREES and _is_behind(found.epoch, found.told.size):
        standing = Standing.BEHIND
    at = found.told.extension("time") or ""
    return WitnessState(name, standing, found.epoch, found.told.size, at if parse_datetime(at) else "")


def _is_behind(epoch: int, size: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [epoch, size])
        (missed,) = cursor.fetchone()
    return missed is not None and timezone.now() - missed > BEHIND_AFTER


_hanging: dict[str, threading.Thread] = {}


def _within_time(path: Path) -> str | None:
    """The newest note, or TimeoutError: a share that is gone can hold its reader for ever, and must not hold us.

    The reader that hangs is left behind, and no second one is sent after it.
    """
    found: list[str | OSError | None] = []

    def read() -> None:
        try:
            path.stat()  # a missing file is an error here; for the sealer it is one still to be made
            found.append(last_note(path))
        except OSError as error:
            found.append(error)

    before = _hanging.get(str(path))
    if before is None or not before.is_alive():
        before = threading.Thread(target=read, name=f"witness {path}", daemon=True)
        _hanging[str(path)] = before
        before.start()
    before.join(ANSWERS_WITHIN)
    if before.is_alive() or not found:
        raise TimeoutError(f"no answer within {ANSWERS_WITHIN:.0f} s")
    (answer,) = found
    if isinstance(answer, OSError):
        raise answer
    return answer
