"""What the report of a shift says, in sections of blocks. The page and the PDF draw the same ones.

A section more (the handover to the next shift) is one more function in `_sections`.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from audit.plant_clock import offset_minutes, with_offset
from mfg_project.common.formats import UNKNOWN, duration, hours, number, percent
from mfg_project.common.plant import current_plant
from mfg_project.reports.document import (
    Banner,
    Block,
    Cell,
    Code,
    Column,
    Fields,
    Figure,
    Figures,
    Heading,
    Table,
    Text,
)
from mfg_project.shifts.facts import FAILURES_SHOWN, Person, ShiftFacts, Signed
from mfg_project.trail.sheet import Sheet
from production.enums import JobOrderStatus
from production.kpi_formulas import KeyFigures
from production.models import ScheduledShift, WorkOrder
from production.queries.shifts import Hour, JobInShift, Stop, by_reason
from production.views.kpi_words import tiles
from production.views.tiles import rates_of
from quality.models import Measurement, QualityCheck

Row = list[Cell | str]
NARROW = {"stops", "scrap", "quality", "people"}


@dataclass(frozen=True, slots=True)
class Section:
    name: str  # of the address within the page
    title: str
    blocks: Sequence[Block]

    @property
    def is_wide(self) -> bool:
        """Takes the width of a page; two of the others stand side by side."""
        return self.name not in NARROW


@dataclass(frozen=True, slots=True)
class Report:
    """Of one line. `head` says which shift it is, and what must not be missed."""

    title: str
    head: Sequence[Block]
    sections: Sequence[Section]

    def blocks(self) -> Iterator[Block]:
        """All of it in one row, for paper."""
        yield from self.head
        for section in self.sections:
            yield Heading(section.title)
            yield from section.blocks


def report_of(facts: ShiftFacts) -> Report:
    sections = [Section(name, title, list(blocks(facts))) for name, title, blocks in _sections()]
    return Report(str(facts.shift.line.line_name), list(_head(facts)), sections if facts.has_begun else [])


def _sections() -> list[tuple[str, str, Callable[[ShiftFacts], Iterator[Block]]]]:
    return [
        ("figures", _("Key figures"), _figures),
        ("orders", _("Orders run"), _orders),
        ("hours", _("Hour by hour"), _hours),
        ("stops", pgettext("heading", "Stops"), _stops),
        ("scrap", _("Scrap and rework by reason"), _scrap),
        ("quality", _("Quality"), _quality),
        ("people", _("Who worked"), _people),
        ("signatures", _("Electronic signatures"), _signatures),
    ]


def checkpoint(sheet: Sheet | None) -> Section:
    """The witness outside of the database: whoever keeps the paper can tell whether the log was made anew."""
    blocks: list[Block] = []
    if sheet is None:
        blocks.append(Text(_("Nothing is sealed yet: this report carries no checkpoint of the audit trail.")))
    else:
        rows = [(_("Log"), sheet.origin), (_("Entries"), sheet.size), (_("Sealed"), sheet.sealed_at)]
        rows += [(_("Epoch"), str(sheet.epoch)), ("SHA-256", sheet.digest)]
        if sheet.pending:
            text = ngettext("%(count)s entry", "%(count)s entries", sheet.pending)
            rows.append((_("Not sealed yet"), text % {"count": number(sheet.pending)}))
        blocks.append(Code(sheet.note, _("QR code of the signed note"), rows, _about_the_code()))
    return Section("checkpoint", _("Checkpoint of the audit trail"), blocks)


def _about_the_code() -> str:
    return _(
        "The code holds the signed note above, byte for byte. Kept outside of the database it is a witness: scanned or"
        " typed on the page Checkpoint it says whether the log of that moment is still the beginning of the log."
    )


def shift_name(shift: ScheduledShift) -> str:
    return f"{shift.shift.name} {clock(shift.starts_at)}–{clock(shift.ends_at)}"


def clock(at: dt.datetime) -> str:
    return f"{timezone.localtime(at):%H:%M}"


def full(at: dt.datetime) -> str:
    """Plant time with its offset, and UTC."""
    plant = current_plant()
    return with_offset(at, zone=plant.time_zone, offset=offset_minutes(at, plant.tz))


def _head(facts: ShiftFacts) -> Iterator[Block]:
    shift = facts.shift
    if shift.is_cancelled:
        yield Banner(_("This shift was cancelled in the calendar."), _("Its time is not planned time."))
    if not facts.has_begun:
        yield Banner(_("This shift has not begun."), full(facts.now))
    elif facts.is_running:
        detail = _("As of %(when)s. The figures change until the shift ends.") % {"when": full(facts.now)}
        yield Banner(_("The shift is still running."), detail)
    yield Fields(
        [
            (_("Line"), Cell(shift.line.line_name, shift.line.line_code)),
            (_("Plant"), current_plant().name or UNKNOWN),
            (_("Production day"), f"{shift.production_date:%Y-%m-%d}"),
            (_("Shift"), shift_name(shift)),
            (_("Begins"), _begin_or_end(shift.starts_at)),
            (_("Ends"), _begin_or_end(shift.ends_at)),
        ]
    )


def _begin_or_end(at: dt.datetime) -> Cell:
    local, utc = timezone.localtime(at), at.astimezone(dt.UTC)
    text = local.isoformat(sep=" ", timespec="minutes")
    return Cell(f"{text[:-6]} {text[-6:]}", f"{current_plant().time_zone} · {utc:%Y-%m-%d %H:%M} UTC")


def _figures(facts: ShiftFacts) -> Iterator[Block]:
    figures = facts.figures
    shown = [
        Figure(
            tile.label, tile.value or UNKNOWN, [line for line in (tile.why_unknown, *tile.formula, tile.hint) if line]
        )
        for tile in tiles(figures, KeyFigures())
    ]
    yield Figures(shown)
    yield Fields(
        [
            (_("Planned busy"), hours(figures.planned_busy_s)),
            (_("Running"), hours(figures.running_s)),
            (_("Setup"), hours(figures.setup_s)),
            (_("Stopped, not planned"), hours(figures.stopped_s)),
            (_("Idle"), hours(figures.idle_s)),
            (_("Maintenance and planned stops"), hours(figures.maintenance_s)),
            (_("No data"), hours(figures.no_data_s)),
            (_("Pieces"), _pieces_text(figures)),
        ]
    )


def _pieces_text(figures: KeyFigures) -> str:
    values = {name: number(getattr(figures, name)) for name in ("good", "scrap", "rework")}
    return _("%(good)s good, %(scrap)s scrap, %(rework)s rework") % values


def _orders(facts: ShiftFacts) -> Iterator[Block]:
    if not facts.worked:
        yield Text(_("No order ran on this line in this shift."), quiet=True)
        return
    columns = [
        Column(_("Order"), 1.3),
        Column(_("Product"), 1.7),
        Column(_("Operation"), 1.2),
        Column(_("Now") if facts.is_running else _("At the end of the shift"), 1.1),
        Column(pgettext("quantity", "Planned"), mm=19, right=True),
        Column(_("Good"), mm=15, right=True),
        Column(_("Scrap"), mm=13, right=True),
        Column(_("Rework"), mm=14, right=True),
        Column(_("Good in all"), mm=19, right=True),
    ]
    yield Table(columns, [_order_row(each, facts.orders[each.job.work_order_id]) for each in facts.worked])
    yield Text(
        _("Good, scrap and rework are of this shift; planned and good in all are of the whole operation, until now."),
        quiet=True,
    )


def _order_row(each: JobInShift, order: WorkOrder) -> Row:
    job = each.job
    return [
        _order_cell(order),
        Cell(order.product.product_name, order.product.product_code),
        Cell(job.operation_name, str(job.sequence)),
        Cell(str(JobOrderStatus(each.status).label), loud=each.status == JobOrderStatus.HELD),
        Cell(number(order.planned_quantity), order.uom),
        number(each.good),
        number(each.scrap),
        number(each.rework),
        number(job.good),
    ]


def _order_cell(order: WorkOrder) -> Cell:
    url = reverse("production:work-order-detail", args=[order.pk])
    return Cell(order.work_order_number, order.batch.batch_number if order.batch else "", url=url)


def _hours(facts: ShiftFacts) -> Iterator[Block]:
    target = float(facts.shift.line.efficiency_rate)
    columns = [
        Column(_("Hour"), 1.3),
        Column(_("Possible"), right=True),
        Column(_("Good"), right=True),
        Column(_("Scrap"), right=True),
        Column(_("Rework"), right=True),
        Column(_("Running"), right=True),
        Column(_("Stopped"), right=True),
        Column(_("OEE"), right=True),
    ]
    yield Table(columns, [_hour_row(hour, facts, target) for hour in facts.hours])
    said = [
        _("Possible: the same pieces at standard speed in all of the planned busy time. Good of possible is OEE."),
        _("OEE in bold is below the target of the line, %(target)s.") % {"target": percent(target, 0)},
    ]
    yield Text(" ".join(said), quiet=True)


def _hour_row(hour: Hour, facts: ShiftFacts, target: float) -> Row:
    figures = hour.figures
    return [
        Cell(f"{clock(hour.begin)}–{clock(hour.end)}", _("so far") if hour.begin <= facts.now < hour.end else ""),
        number(possible(figures, facts.figures), 0),
        number(figures.good),
        number(figures.scrap),
        number(figures.rework),
        duration(figures.running_s),
        duration(figures.stopped_s),
        Cell(percent(figures.oee), loud=rates_of(figures, target).below_target),
    ]


def possible(hour: KeyFigures, whole: KeyFigures) -> float | None:
    """Pieces the planned busy time allows at standard speed, of the mix counted; of the shift's where nothing was."""
    mix = hour if hour.produced and hour.standard_s else whole
    if hour.planned_busy_s is None or not mix.produced or not mix.standard_s:
        return None
    return hour.planned_busy_s * float(mix.produced) / mix.standard_s


def _stops(facts: ShiftFacts) -> Iterator[Block]:
    if not facts.stops:
        yield Text(_("No stop in this shift."), quiet=True)
        return
    columns = [
        Column(_("Reason"), 3),
        Column(_("Stops"), mm=20, right=True),
        Column(pgettext("spent", "Time"), mm=28, right=True),
    ]
    rows: list[Row] = []
    for found in by_reason(facts.stops):
        planned = _("planned") if found.reason and found.reason.is_planned else ""
        rows.append([Cell(found.label, planned, loud=found.reason is None), number(found.stops), hours(found.seconds)])
    yield Table(columns, rows)
    if facts.unexplained:
        yield Heading(_("Not explained"), 2, small=number(len(facts.unexplained)))
        yield Table(
            [Column(_("From")), Column(_("To")), Column(_("Lasted"), right=True), Column(_("Comment"), 3)],
            [_unexplained_row(stop) for stop in facts.unexplained],
        )


def _unexplained_row(stop: Stop) -> Row:
    end = Cell(_("still stopped"), loud=True) if stop.interval.ended_at is None else Cell(clock(stop.end))
    return [clock(stop.begin), end, duration(stop.seconds), stop.interval.comment]


def _scrap(facts: ShiftFacts) -> Iterator[Block]:
    if not facts.scrap:
        yield Text(_("No scrap and no rework was counted."), quiet=True)
        return
    columns = [Column(_("Reason"), 3), Column(_("Scrap"), mm=25, right=True), Column(_("Rework"), mm=25, right=True)]
    rows = [
        [found.reason.label if found.reason else _("No reason"), number(found.scrap), number(found.rework)]
        for found in facts.scrap
    ]
    yield Table(columns, rows)


def _quality(facts: ShiftFacts) -> Iterator[Block]:
    checks = facts.checks
    made = Figures(
        [
            Figure(_("Checks"), number(checks.made)),
            Figure(_("Passed"), number(checks.rate.passed)),
            Figure(_("Failed"), number(checks.rate.failed)),
            Figure(_("Pass rate of checks"), percent(checks.rate.rate)),
        ]
    )
    yield made if checks.made else Text(_("No check was made."), quiet=True)
    if checks.failed:
        yield Heading(_("Failed checks"), 2, small=number(checks.rate.failed))
        columns = [Column(_("Time"), mm=15), Column(_("Order"), 1.3), Column(_("Test"), 1.3)]
        columns += [Column(_("Out of limits"), 2.4), Column(_("By"), 1.3)]
        yield Table(columns, [_failed_row(check) for check in checks.failed])
        if checks.rate.failed > FAILURES_SHOWN:
            yield Text(_("The newest %(count)s of them.") % {"count": FAILURES_SHOWN}, quiet=True)
    if not facts.holds:
        yield Text(_("Nothing was put on hold."), quiet=True)
        return
    yield Heading(_("Put on hold"), 2, small=number(len(facts.holds)))
    columns = [Column(_("Time"), mm=15), Column(_("Order"), 1.3), Column(_("Operation"), 1.3)]
    rows: list[Row] = []
    for hold in facts.holds:
        what = hold.job.operation_name if hold.job else _("the whole order")
        step = hold.step
        rows.append([clock(step.occurred_at), _order_cell(hold.order), what, step.reason or UNKNOWN, step.actor_name])
    yield Table([*columns, Column(_("Reason"), 2.4), Column(_("By"), 1.3)], rows)


def _failed_row(check: QualityCheck) -> Row:
    failures: list[Measurement] = check.failures  # type: ignore[attr-defined]  # prefetched
    values = "; ".join(f"{each.characteristic.name}: {each.value}" for each in failures)
    test = Cell(check.test_type, check.piece)
    return [clock(check.performed_at), _order_cell_of(check), test, values or UNKNOWN, str(check.performed_by)]


def _order_cell_of(check: QualityCheck) -> Cell:
    order = check.work_order
    return Cell(order.work_order_number, url=reverse("production:work-order-detail", args=[order.pk]))


def _people(facts: ShiftFacts) -> Iterator[Block]:
    if not facts.people:
        yield Text(_("Nobody entered anything in this shift."), quiet=True)
        return
    columns = [
        Column(_("Printed name"), 3),
        Column(pgettext("how many", "Steps"), right=True),
        Column(_("Counts"), right=True),
        Column(_("Stops"), right=True),
        Column(_("Checks"), right=True),
        Column(_("Signatures"), right=True),
    ]
    yield Table(columns, [_person_row(person) for person in facts.people])
    yield Text(
        _("Steps of the orders above, counts entered by hand, stops entered or explained, checks, signatures."),
        quiet=True,
    )


def _person_row(person: Person) -> Row:
    done = (person.steps, person.counts, person.stops, person.checks, person.signatures)
    return [person.name, *(number(n) if n else "" for n in done)]


def _signatures(facts: ShiftFacts) -> Iterator[Block]:
    if not facts.signatures:
        yield Text(_("Nobody signed on the orders of this shift."), quiet=True)
        return
    columns = [
        Column(_("Printed name"), 1.4),
        Column(_("Meaning"), 1.3),
        Column(_("Signed at"), 1.9),
        Column(_("Order"), 1.2),
        Column(_("Content"), 1.7),
    ]
    yield Table(columns, [_signature_row(each) for each in facts.signatures])


def _signature_row(each: Signed) -> Row:
    view, signature = each.view, each.view.signature
    matches = view.content_matches
    content = _("The content matches what was signed.") if matches else _("The content differs from what was signed.")
    return [
        Cell(signature.signer_name, signature.signer_title),
        Cell(view.meaning_label, signature.comment),
        view.when,
        _order_cell(each.order),
        Cell(content, _("Sealed in the journal.") if each.is_sealed else _("Pending seal"), loud=not matches),
    ]
