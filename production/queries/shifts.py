"""What one shift of one line did: hours, operations, stops. An overnight shift is one of the day it began.

Figures and times belong to the shift they fall into; a count that was undone later is undone where that was entered.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, Sum
from django.utils import timezone

from audit.models import StateChange
from equipment.enums import LineState
from equipment.models import LineStateInterval
from equipment.scope import visible
from production.enums import JobOrderStatus
from production.kpi_formulas import KeyFigures
from production.models import JobOrder, QuantityReport, ScheduledShift, WorkOrder
from production.queries.board import intervals_between
from production.queries.kpi import StopReason, of_spans

HOUR = dt.timedelta(hours=1)
LATELY = dt.timedelta(days=31)  # a line whose last shift is older has no current one
NOTHING = (Decimal(0), Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class Hour:
    """A clock hour of the plant, or the part of it that belongs to the shift."""

    begin: dt.datetime
    end: dt.datetime
    figures: KeyFigures


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop, as much of it as lies in the shift."""

    interval: LineStateInterval
    begin: dt.datetime
    end: dt.datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()

    @property
    def is_planned(self) -> bool:
        return bool(self.interval.reason and self.interval.reason.is_planned)


@dataclass(frozen=True, slots=True)
class JobInShift:
    """An operation the line worked on: its pieces of this shift, and what state the shift left it in."""

    job: JobOrder
    good: Decimal
    scrap: Decimal
    rework: Decimal
    status: str


def planned_shifts(day: dt.date) -> list[ScheduledShift]:
    """The shifts that began on a production day, of every line the account works on."""
    rows = visible(ScheduledShift.objects.filter(production_date=day))
    return list(rows.select_related("line", "shift").order_by("starts_at", "shift__name", "line__line_code"))


def planned_shift(pk: int) -> ScheduledShift | None:
    return visible(ScheduledShift.objects.select_related("line", "shift").filter(pk=pk)).first()


def newest_shift(line_id: UUID, *, now: dt.datetime) -> ScheduledShift | None:
    """The shift that runs on a line, or the last one that did."""
    begun = ScheduledShift.objects.filter(line=line_id, starts_at__range=(now - LATELY, now), is_cancelled=False)
    return visible(begun).order_by("-starts_at").first()


def whole_and_hours(shift: ScheduledShift, *, now: dt.datetime) -> tuple[KeyFigures, list[Hour]]:
    """The figures of the shift and those of each of its hours that has begun, in one query."""
    begin, end = shift.starts_at, shift.ends_at
    spans = [span for span in clock_hours(begin, end) if span[0] <= now]
    whole, *parts = of_spans(shift.line_id, [(begin, end), *spans])
    return whole, [Hour(*span, figures) for span, figures in zip(spans, parts, strict=True)]


def clock_hours(begin: dt.datetime, end: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """From full hour to full hour of the plant's clock; counted in true time, so summer time makes none up."""
    spans = []
    while begin < end:
        local = timezone.localtime(begin)
        full = begin - dt.timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond) + HOUR
        spans.append((begin, min(full, end)))
        begin = full
    return spans


def stops_in(shift: ScheduledShift, *, now: dt.datetime) -> list[Stop]:
    """Every stop of the shift, planned ones as well, oldest first."""
    until = min(shift.ends_at, now)
    return [
        Stop(interval, max(interval.started_at, shift.starts_at), min(interval.ended_at or until, until))
        for interval in intervals_between([shift.line_id], shift.starts_at, until)[shift.line_id]
        if interval.state == LineState.STOPPED and until > shift.starts_at
    ]


def by_reason(stops: Iterable[Stop]) -> list[StopReason]:
    """Costliest first; those nobody explained are a row of their own."""
    grouped: dict[Any, list[Stop]] = {}
    for stop in stops:
        grouped.setdefault(stop.interval.reason_id, []).append(stop)
    found = [StopReason(some[0].interval.reason, len(some), sum(s.seconds for s in some)) for some in grouped.values()]
    return sorted(found, key=lambda reason: -reason.seconds)


def jobs_in(shift: ScheduledShift) -> list[JobOrder]:
    """Operations that were counted on, or were begun and not ended, at any time of the shift."""
    counted = QuantityReport.objects.filter(production_line=shift.line_id).filter(_reported_in(shift))
    begun = Q(production_line=shift.line_id, actual_start__lt=shift.ends_at)
    open_then = begun & (Q(actual_end=None) | Q(actual_end__gt=shift.starts_at))
    jobs = JobOrder.objects.filter(open_then | Q(pk__in=counted.values("job_order")))
    return list(visible(jobs).order_by("actual_start", "sequence", "pk"))


def worked_on(shift: ScheduledShift, jobs: Sequence[JobOrder], steps: Iterable[StateChange]) -> list[JobInShift]:
    """Those with their pieces; an operation that was on hold all the time, and not counted on, was not worked on."""
    sums = _pieces(shift)
    of_job: dict[str, list[StateChange]] = {}
    for step in steps:
        of_job.setdefault(step.record_pk, []).append(step)
    found = []
    for job in jobs:
        status, rested = _status_then(job, of_job.get(str(job.pk), []), shift)
        if job.pk in sums or not rested:
            found.append(JobInShift(job, *sums.get(job.pk, NOTHING), status))
    return found


def orders_of(shift: ScheduledShift, jobs: Iterable[JobOrder]) -> dict[UUID, WorkOrder]:
    """The orders of these operations, and those that were scheduled on the line for the time of the shift."""
    scheduled = Q(production_line=shift.line_id, scheduled_start__lt=shift.ends_at, scheduled_end__gt=shift.starts_at)
    orders = WorkOrder.objects.filter(scheduled | Q(pk__in={job.work_order_id for job in jobs}))
    rows = visible(orders).select_related("product", "production_line", "batch").prefetch_related("job_orders")
    return {order.pk: order for order in rows}


def steps_until(shift: ScheduledShift, orders: Iterable[UUID], jobs: Iterable[UUID]) -> list[StateChange]:
    """Steps of these orders and operations before the shift ended, oldest first."""
    of_orders = Q(record_label="production.workorder", record_pk__in=[str(key) for key in orders])
    of_jobs = Q(record_label="production.joborder", record_pk__in=[str(key) for key in jobs])
    rows = StateChange.objects.filter(of_orders | of_jobs, occurred_at__lt=shift.ends_at)
    return list(rows.order_by("occurred_at", "id"))


def _status_then(job: JobOrder, steps: Sequence[StateChange], shift: ScheduledShift) -> tuple[str, bool]:
    """The status at the end of the shift, and whether the job was on hold from its beginning to its end."""
    if not steps:  # recorded later as a whole: its one step is where it ended
        ended = job.actual_end is not None and job.actual_end < shift.ends_at
        return job.status if ended else JobOrderStatus.RUNNING, False
    before = [step for step in steps if step.occurred_at < shift.starts_at]
    rested = len(before) == len(steps) and before[-1].to_state == JobOrderStatus.HELD
    return steps[-1].to_state, rested


def _pieces(shift: ScheduledShift) -> dict[UUID, tuple[Decimal, Decimal, Decimal]]:
    counts = QuantityReport.objects.filter(production_line=shift.line_id).filter(_reported_in(shift))
    rows = counts.order_by().values_list("job_order").annotate(Sum("good"), Sum("scrap"), Sum("rework"))
    return {job: (good, scrap, rework) for job, good, scrap, rework in rows}


def _reported_in(shift: ScheduledShift) -> Q:
    return Q(reported_at__gte=shift.starts_at, reported_at__lt=shift.ends_at)
