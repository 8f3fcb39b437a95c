"""`clean-stream/*-Clean.txt`: one machine's whole day as its adapter wrote it (SHDR, separated by |)."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.utils.translation import gettext as _

from equipment.enums import LineState

from .rows import MalformedRow, utc_moment

STATUS = "Program_Status"

# The controller tells what its program does. Waiting before a program and after its end is idle time; a
# program held or broken off is a stop. Setup cannot be told from waiting, so none is claimed.
LINE_STATES = {
    "READY": LineState.IDLE,
    "ACTIVE": LineState.RUNNING,
    "PROGRAM_COMPLETED": LineState.IDLE,
    "FEED_HOLD": LineState.STOPPED,
    "INTERRUPTED": LineState.STOPPED,
    "PROGRAM_STOPPED": LineState.STOPPED,
    "STOPPED": LineState.STOPPED,
}

# A cut-off time stamp, sometimes run together with the rest of a number: a recording fault of the data set.
TRUNCATED = re.compile(r"\d{4}(\.\d+)?")


@dataclass(frozen=True, slots=True)
class StatusSpan:
    """The program status was `status` from the first moment up to, not including, the second."""

    status: str
    started_at: datetime
    ended_at: datetime
    line: int

    @property
    def duration(self) -> timedelta:
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class MachineDay:
    """What one stream says about one machine, from its first row to its last."""

    machine: str
    source_file: str
    started_at: datetime
    ended_at: datetime
    spans: tuple[StatusSpan, ...]
    truncated_lines: tuple[int, ...]

    def time_in(self, status: str) -> timedelta:
        return sum((span.duration for span in self.spans if span.status == status), timedelta())


def read_machine_day(file: Path) -> MachineDay:
    """The spans of program status in one stream. Raises MalformedRow.

    Truncated rows carry nothing readable: they are counted, not repaired. Any other row that is not
    "time | name | value ..." stops the reading.
    """
    machine = re.search(r"-(Hurco\d\d)-", file.name)
    if machine is None:
        raise MalformedRow(file, 1, _("the file name does not say which machine it is"))
    changes: list[tuple[datetime, str, int]] = []
    truncated: list[int] = []
    first = last = None
    with file.open(encoding="utf-8", errors="replace") as opened:
        for line, text in enumerate(opened, start=1):
            text = text.rstrip("\r\n")
            if TRUNCATED.fullmatch(text):
                truncated.append(line)
                continue
            moment, observed = _observations(file, line, text)
            if last is not None and moment < last:
                raise MalformedRow(file, line, _("the time lies before that of the row above"))
            first, last = first or moment, moment
            if STATUS in observed:
                changes.append((moment, _known_status(file, line, observed[STATUS]), line))
    if first is None or last is None:
        raise MalformedRow(file, 1, _("the file is empty"))
    return MachineDay(machine[1], file.name, first, last, _spans(changes, last), tuple(truncated))


def _observations(file: Path, line: int, text: str) -> tuple[datetime, dict[str, str]]:
    stamp, *fields = text.split("|")
    if not fields or len(fields) % 2:
        raise MalformedRow(file, line, _("a row is a time and pairs of name and value"))
    try:
        moment = utc_moment(stamp)
    except ValueError:
        raise MalformedRow(file, line, _("the time is not readable: “%(found)s”") % {"found": stamp}) from None
    return moment, dict(zip(fields[::2], fields[1::2], strict=True))


def _known_status(file: Path, line: int, status: str) -> str:
    if status not in LINE_STATES:
        raise MalformedRow(file, line, _("unknown program status: “%(found)s”") % {"found": status})
    return status


def _spans(changes: list[tuple[datetime, str, int]], end: datetime) -> tuple[StatusSpan, ...]:
    """From each change to the next; the last lasts to the end of the stream, a span of no length is none."""
    moments = [moment for moment, _status, _line in changes[1:]] + [end]
    return tuple(
        StatusSpan(status, moment, until, line)
        for (moment, status, line), until in zip(changes, moments, strict=True)
        if until > moment
    )
