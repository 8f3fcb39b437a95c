"""A line as pages show it: everything formatted here, once; templates only print."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from equipment.enums import LineState
from equipment.models import LineStateInterval
from mfg_project.common.formats import Moment, duration, moment, number, percent
from production.enums import JobOrderStatus, WorkOrderStatus
from production.kpi_formulas import KeyFigures
from production.models import JobOrder
from production.queries.board import LineNow, Today

STRIP = 1000  # units of the state strip's width


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A job order in words and figures."""

    pk: UUID
    order_pk: UUID
    number: str
    code: str  # what its printed code says: WO-…/10
    product: str
    product_code: str
    operation: str
    sequence: int
    batch: str
    uom: str
    status: str
    status_label: str
    caption: str  # why it is shown: "Next", "Held", or nothing for what runs
    good: str
    plan: str
    scrap: str
    rework: str
    left: str
    left_exact: str  # for the keypad
    is_below_plan: bool
    value: float
    max: float
    spoken: str
    due: Moment | None
    started: Moment | None
    late: str
    order_on_hold: bool


@dataclass(frozen=True, slots=True)
class Rates:
    """OEE of today and what it is made of; `has_data` tells not known from 0."""

    has_data: bool
    oee: str
    target: str
    below_target: bool
    bar: float  # of STRIP
    target_at: float
    availability: str
    effectiveness: str
    quality: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A few words on a tile: why it stands, or what is not right."""

    text: str
    icon: str = ""
    attention: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    pk: UUID
    code: str
    name: str
    rank: int
    state: str
    state_label: str
    since: Moment | None
    lasted: str
    source: str
    reason: str
    comment: str
    interval_pk: int | None
    needs_explanation: bool
    earlier_unexplained: str
    remarks: list[Remark]
    job: JobFacts | None
    rates: Rates
    segments: list[dict[str, Any]]
    strip_label: str


def tile_of(at: LineNow) -> Tile:
    now = at.today.now
    interval = at.interval
    label = str(LineState(at.state).label)
    open_stop = bool(interval and interval.needs_explanation)
    since, job = moment(at.since, now=now), job_facts(at.job, now=now) if at.job else None
    earlier = _to_explain(len(at.unexplained) - open_stop)
    return Tile(
        pk=at.line.pk,
        code=at.line.line_code,
        name=at.line.line_name,
        rank=at.rank,
        state=at.state,
        state_label=label,
        since=since,
        lasted=duration((now - at.since).total_seconds()) if at.since else "",
        source=interval.get_source_display() if interval else "",
        reason=interval.reason.label if interval and interval.reason else "",
        comment=interval.comment if interval else "",
        interval_pk=interval.pk if interval else None,
        needs_explanation=open_stop,
        earlier_unexplained=earlier,
        remarks=_remarks(interval, at.state, since, job, earlier),
        job=job,
        rates=rates_of(at.figures, float(at.line.efficiency_rate)),
        segments=segments_of(at.intervals, at.today),
        strip_label=_("States of today; now: %(state)s") % {"state": label},
    )


def _remarks(
    interval: LineStateInterval | None, state: str, since: Moment | None, job: JobFacts | None, earlier: str
) -> list[Remark]:
    """What is worth a line, the weightiest first: a small tile shows only the beginning."""
    remarks = []
    if interval and interval.reason:
        remarks.append(Remark(interval.reason.label))
    elif interval and interval.needs_explanation:
        remarks.append(Remark(_("Not explained"), "unexplained"))
    elif state == LineState.NO_DATA:
        silent = _("Nothing heard since %(time)s") % {"time": since.text} if since else _("Nothing heard yet")
        remarks.append(Remark(silent))
    if job and job.order_on_hold:
        remarks.append(Remark(_("The order is on hold"), "hold", attention=True))
    elif job and job.late:
        remarks.append(Remark(job.late, "late", attention=True))
    if earlier:
        remarks.append(Remark(earlier, "unexplained", attention=True))
    return remarks


def _to_explain(count: int) -> str:
    if count < 1:
        return ""
    return ngettext("%(count)s earlier stop to explain", "%(count)s earlier stops to explain", count) % {
        "count": number(count)
    }


def job_facts(job: JobOrder, *, now: dt.datetime) -> JobFacts:
    order = job.work_order
    left = max(order.planned_quantity - job.good, Decimal(0))
    captions = {JobOrderStatus.RUNNING: "", JobOrderStatus.HELD: _("Held")}
    return JobFacts(
        pk=job.pk,
        order_pk=order.pk,
        number=order.work_order_number,
        code=f"{order.work_order_number}/{job.sequence}",
        product=order.product.product_name,
        product_code=order.product.product_code,
        operation=job.operation_name,
        sequence=job.sequence,
        batch=order.batch.batch_number if order.batch else "",
        uom=order.uom,
        status=job.status,
        status_label=job.get_status_display(),
        caption=captions.get(JobOrderStatus(job.status), _("Next")),
        good=number(job.good),
        plan=number(order.planned_quantity),
        scrap=number(job.scrap),
        rework=number(job.rework),
        left=number(left),
        left_exact=f"{left.normalize():f}",
        is_below_plan=left > 0,
        value=float(job.good),
        max=float(order.planned_quantity),
        spoken=_("%(good)s good of %(plan)s planned")
        % {"good": number(job.good), "plan": number(order.planned_quantity)},
        due=moment(order.scheduled_end, now=now),
        started=moment(job.actual_start, now=now),
        late=_("Late by %(time)s") % {"time": duration((now - order.scheduled_end).total_seconds())}
        if order.scheduled_end < now
        else "",
        order_on_hold=order.status == WorkOrderStatus.ON_HOLD,
    )


def rates_of(figures: KeyFigures, target: float) -> Rates:
    oee = figures.oee
    return Rates(
        has_data=oee is not None,
        oee=percent(oee, 0),
        target=percent(target, 0),
        below_target=oee is not None and oee < target,
        bar=round(min(max(oee or 0.0, 0.0), 100.0) * STRIP / 100, 1),
        target_at=round(target * STRIP / 100, 1),
        availability=percent(figures.availability, 0),
        effectiveness=percent(figures.effectiveness, 0),
        quality=percent(figures.quality_rate, 0),
    )


def segments_of(intervals: list[LineStateInterval], today: Today) -> list[dict[str, Any]]:
    """The production day as pieces of the strip; what is still to come is its own piece."""
    whole = (today.end - today.begin).total_seconds()

    def at(when: dt.datetime) -> float:
        return (when - today.begin).total_seconds() / whole * STRIP

    pieces = []
    for interval in intervals:
        begin, end = max(interval.started_at, today.begin), min(interval.ended_at or today.now, today.end)
        if end > begin:
            pieces.append(_piece(interval.state, at(begin), at(end), interval_words(interval, now=today.now)))
    if today.now < today.end:
        pieces.append(_piece("future", at(today.now), STRIP, _("To come")))
    return pieces


def _piece(state: str, begin: float, end: float, label: str) -> dict[str, Any]:
    return {"state": state, "x": round(begin, 2), "width": round(end - begin, 2), "label": label}


def interval_words(interval: LineStateInterval, *, now: dt.datetime) -> str:
    """“14:05–14:17 Stopped, Tool change (12 min)”."""
    begin, end = moment(interval.started_at, now=now), moment(interval.ended_at, now=now)
    what = str(LineState(interval.state).label)
    if interval.reason:
        what = f"{what}, {interval.reason.label}"
    spent = duration(((interval.ended_at or now) - interval.started_at).total_seconds())
    return f"{begin.clock if begin else ''}–{end.clock if end else ''} {what} ({spent})"
