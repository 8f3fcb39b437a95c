"""The audit trail on paper: a line for each entry."""

import datetime as dt
from collections.abc import Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from audit.models import JournalEntry
from audit.models.journal import Operation
from mfg_project.common.formats import UNKNOWN
from mfg_project.reports.document import Cell, Column, Table
from mfg_project.trail.names import Names, table_label
from mfg_project.trail.rows import BOOKKEEPING, Change, Value, changes_of, names_in, record_name

BATCH = 500


def trail_table(entries: Sequence[JournalEntry]) -> Table:
    lines: list[list[Cell | str]] = []
    for start in range(0, len(entries), BATCH):
        some = entries[start : start + BATCH]
        names = names_in(some)
        lines += [_trail_line(entry, names) for entry in some]
    columns = [
        Column(_("Time"), mm=34),
        Column(_("By"), 1.1),
        Column(_("Record"), 1.4),
        Column(_("Old → new"), 2.6),
        Column(_("Reason"), 1.3),
    ]
    return Table(columns, lines)


def _trail_line(entry: JournalEntry, names: Names) -> list[Cell | str]:
    source = f"{entry.source} {entry.station}".strip()
    return [
        Cell(utc_and_plant(entry.at), f"{entry.id} · {entry.request_id}"),
        Cell(entry.actor_name, _("for %(name)s") % {"name": entry.on_behalf_of} if entry.on_behalf_of else source),
        Cell(f"{Operation(entry.op).label} · {table_label(entry.table_name)}", record_name(entry, names)),
        "; ".join(_texts(entry, changes_of(entry, names))),
        Cell(entry.reason, entry.reason_code),
    ]


def _texts(entry: JournalEntry, changes: Sequence[Change]) -> list[str]:
    """Of a change what is new; of what came or went every value it had."""
    news = [change for change in changes if change.column not in BOOKKEEPING]
    if entry.op == Operation.UPDATE:
        return [
            f"{change.label}: {_text(change.old)} → {_text(change.new)}"
            for change in news
            if change.column in entry.changed
        ]
    values = [(change.label, change.new or change.old) for change in news]
    return [f"{label}: {value.text}" for label, value in values if value and value.text != UNKNOWN]


def _text(value: Value | None) -> str:
    return value.text if value else UNKNOWN


def utc(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def utc_and_plant(at: dt.datetime) -> str:
    """2026-01-31 08:05:09 UTC (17:05:09 +09:00): no hour of a year is said twice."""
    local = timezone.localtime(at)
    day = f"{local:%Y-%m-%d} " if local.date() != at.astimezone(dt.UTC).date() else ""
    return f"{utc(at)} ({day}{local:%H:%M:%S} {local.isoformat()[-6:]})"
