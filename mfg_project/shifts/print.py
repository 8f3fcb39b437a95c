"""The report as PDF/A: of one line, or of every line the reader works on, each beginning on a sheet of its own.

A copy that leaves is recorded as a security event, as every export is, and names who printed it and when.
"""

import datetime as dt
from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext as _

from audit.context import current_act
from audit.journal import change
from audit.models import SecurityEventKind
from audit.security import note
from mfg_project.common.formats import number, percent
from mfg_project.reports.document import Block, Cell, Column, Document, Heading, NewPage, Table, pdf_of
from mfg_project.shifts.facts import ShiftFacts
from mfg_project.shifts.paper import Section, full, report_of, shift_name
from production.models import ScheduledShift


def printed(all_facts: Sequence[ShiftFacts], checkpoint: Section, *, now: dt.datetime) -> bytes:
    """At least one line. Written down before it is made: that it was asked for stays."""
    shifts = [facts.shift for facts in all_facts]
    _note(shifts)
    who = current_act().actor.printed_name or current_act().actor.get_username()
    said = {"who": who, "when": full(now), "app": settings.GENBA_VERSION}
    witness = [Heading(checkpoint.title), *checkpoint.blocks]
    blocks = [*_one(all_facts[0]), *witness] if len(shifts) == 1 else _several(all_facts, witness)
    document = Document(
        title=_title(shifts),
        kind=_("Shift report"),
        identification=" · ".join([f"{shifts[0].production_date:%Y-%m-%d}", shift_name(shifts[0]), _lines(shifts)]),
        made=_("Printed by %(who)s on %(when)s with Genba %(app)s") % said,
        blocks=blocks,
    )
    return pdf_of(document, at=now)


def filename(shifts: Sequence[ScheduledShift]) -> str:
    """Letters, digits and hyphens only: line codes and names of shifts are the plant's own."""
    first = shifts[0]
    words = [f"{first.production_date}", f"{first.starts_at:%H%M}Z"]
    words += [first.line.line_code] if len(shifts) == 1 else []
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in "-".join(words))
    return f"shift-report-{plain}.pdf"


def _note(shifts: Sequence[ScheduledShift]) -> None:
    lines = ", ".join(shift.line.line_code for shift in shifts)
    with change("export_shift_report"):
        detail = f"shift report: {shifts[0].production_date} {shifts[0].shift.name}, {lines} as pdf"
        note(SecurityEventKind.EXPORTED, user=current_act().actor, detail=detail)


def _title(shifts: Sequence[ScheduledShift]) -> str:
    return str(shifts[0].line.line_name) if len(shifts) == 1 else shift_name(shifts[0])


def _lines(shifts: Sequence[ScheduledShift]) -> str:
    return shifts[0].line.line_code if len(shifts) == 1 else _("%(count)s lines") % {"count": len(shifts)}


def _one(facts: ShiftFacts) -> list[Block]:
    return list(report_of(facts).blocks())


def _several(all_facts: Sequence[ShiftFacts], witness: list[Block]) -> list[Block]:
    """The first sheet is of all lines together."""
    blocks: list[Block] = [overview(all_facts), *witness]
    for facts in all_facts:
        blocks += [NewPage(facts.shift.line.line_name), *_one(facts)]
    return blocks


def overview(all_facts: Sequence[ShiftFacts]) -> Table:
    """A row for each line."""
    columns = [
        Column(_("Line"), 2),
        Column(_("OEE"), right=True),
        Column(_("Good"), right=True),
        Column(_("Scrap"), right=True),
        Column(_("Rework"), right=True),
        Column(_("Stops"), right=True),
        Column(_("Not explained"), right=True),
    ]
    rows: list[list[Cell | str]] = []
    for facts in all_facts:
        figures, line = facts.figures, facts.shift.line
        unexplained = len(facts.unexplained)
        rows.append(
            [
                Cell(line.line_name, line.line_code),
                percent(figures.oee),
                number(figures.good),
                number(figures.scrap),
                number(figures.rework),
                number(len(facts.stops)),
                Cell(number(unexplained), loud=unexplained > 0),
            ]
        )
    return Table(columns, rows)
