"""Everything the report of one shift of one line says, read at one moment."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Count

from accounts.models import User
from audit.models import Signature, StateChange
from audit.seal_wait import sealed_signatures
from audit.signatures import SignatureView, judged
from equipment.enums import StateSource
from equipment.models import LineStateInterval
from production.enums import JobOrderStatus, WorkOrderStatus
from production.kpi_formulas import KeyFigures
from production.models import JobOrder, QuantityReport, ScheduledShift, WorkOrder
from production.queries.kpi_trend import ScrapReason, scrap_reasons_between
from production.queries.shifts import (
    Hour,
    JobInShift,
    Stop,
    jobs_in,
    orders_of,
    steps_until,
    stops_in,
    whole_and_hours,
    worked_on,
)
from quality.enums import Verdict
from quality.models import QualityCheck
from quality.queries.checks import CheckFilter, PassRate, filtered_checks, matching_checks

FAILURES_SHOWN = 30
HELD = {JobOrderStatus.HELD, WorkOrderStatus.ON_HOLD}


@dataclass(frozen=True, slots=True)
class Checks:
    made: int
    rate: PassRate
    failed: list[QualityCheck]  # at most FAILURES_SHOWN


@dataclass(frozen=True, slots=True)
class Hold:
    step: StateChange
    order: WorkOrder
    job: JobOrder | None  # None: the order as a whole


@dataclass(frozen=True, slots=True)
class Signed:
    view: SignatureView
    order: WorkOrder
    is_sealed: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Who did something on the line in the shift, and how often."""

    name: str
    steps: int
    counts: int
    stops: int  # entered or explained
    checks: int
    signatures: int


@dataclass(frozen=True, slots=True)
class ShiftFacts:
    shift: ScheduledShift
    now: dt.datetime
    figures: KeyFigures
    hours: list[Hour]
    orders: dict[UUID, WorkOrder]
    worked: list[JobInShift]
    stops: list[Stop]
    scrap: list[ScrapReason]
    checks: Checks
    holds: list[Hold]
    signatures: list[Signed]
    people: list[Person]

    @property
    def has_begun(self) -> bool:
        return self.now >= self.shift.starts_at

    @property
    def is_running(self) -> bool:
        return self.shift.starts_at <= self.now < self.shift.ends_at

    @property
    def unexplained(self) -> list[Stop]:
        return [stop for stop in self.stops if stop.interval.needs_explanation]


def facts_of(shift: ScheduledShift, *, now: dt.datetime) -> ShiftFacts:
    """A constant number of queries. That the account may see the shift was asked when it was found."""
    jobs = jobs_in(shift)
    orders = orders_of(shift, jobs)
    steps = steps_until(shift, orders, [job.pk for job in jobs])
    during = [step for step in steps if step.occurred_at >= shift.starts_at]
    figures, hours = whole_and_hours(shift, now=now)
    stops = stops_in(shift, now=now)
    signatures = _signatures(shift, orders)
    wanted = CheckFilter(since=shift.starts_at, until=shift.ends_at, line_id=shift.line_id)
    by_person = list(matching_checks(wanted).values_list("performed_by", "result").annotate(n=Count("pk")))
    return ShiftFacts(
        shift=shift,
        now=now,
        figures=figures,
        hours=hours,
        orders=orders,
        worked=worked_on(shift, jobs, steps),
        stops=stops,
        scrap=scrap_reasons_between(shift.starts_at, shift.ends_at, [shift.line_id]),
        checks=_checks(by_person, wanted),
        holds=_holds(during, orders, jobs),
        signatures=signatures,
        people=_people(shift, during, stops, by_person, signatures),
    )


def _checks(by_person: Iterable[tuple[Any, str | None, int]], wanted: CheckFilter) -> Checks:
    of_result: Counter[str | None] = Counter()
    for _person, result, n in by_person:
        of_result[result] += n
    rate = PassRate(passed=of_result[Verdict.PASS], failed=of_result[Verdict.FAIL])
    failed = list(filtered_checks(replace(wanted, result=Verdict.FAIL))[:FAILURES_SHOWN]) if rate.failed else []
    return Checks(sum(of_result.values()), rate, failed)


def _holds(during: Iterable[StateChange], orders: dict[UUID, WorkOrder], jobs: Iterable[JobOrder]) -> list[Hold]:
    order_of, job_of = {str(key): order for key, order in orders.items()}, {str(job.pk): job for job in jobs}
    holds = []
    for step in during:
        if step.to_state in HELD:
            job = job_of.get(step.record_pk)
            holds.append(Hold(step, orders[job.work_order_id] if job else order_of[step.record_pk], job))
    return holds


def _signatures(shift: ScheduledShift, orders: dict[UUID, WorkOrder]) -> list[Signed]:
    """Those given in the shift on its orders, each judged by what the order is now (21 CFR 11.70)."""
    rows = Signature.objects.filter(
        record_label="production.workorder",
        record_pk__in=[str(key) for key in orders],
        signed_at__gte=shift.starts_at,
        signed_at__lt=shift.ends_at,
    )
    given = list(rows.order_by("signed_at", "step_no", "pk"))
    sealed = sealed_signatures(given)
    found = []
    for signature in given:
        order = orders[UUID(signature.record_pk)]
        (view,) = judged([signature], order)
        found.append(Signed(view, order, str(signature.pk) in sealed))
    return found


def _people(
    shift: ScheduledShift,
    during: Iterable[StateChange],
    stops: Iterable[Stop],
    checks: Iterable[tuple[Any, str | None, int]],
    signatures: Sequence[Signed],
) -> list[Person]:
    steps = Counter(step.actor_id for step in during)
    signed = Counter(each.view.signature.signer_id for each in signatures)
    entered = Counter(person for stop in stops for person in _told_of(stop.interval, shift))
    checked: Counter[Any] = Counter()
    for person, _result, n in checks:
        checked[person] += n
    reports = QuantityReport.objects.filter(
        production_line=shift.line_id,
        reported_at__gte=shift.starts_at,
        reported_at__lt=shift.ends_at,
        source=StateSource.PERSON,
    )
    counts = dict(reports.order_by().values_list("reported_by").annotate(n=Count("pk")))
    users = User.objects.in_bulk({*steps, *signed, *entered, *checked, *counts})
    people = [
        Person(str(user), steps[key], counts.get(key, 0), entered[key], checked[key], signed[key])
        for key, user in users.items()
    ]
    return sorted(people, key=lambda person: person.name)


def _told_of(stop: LineStateInterval, shift: ScheduledShift) -> set[Any]:
    """Who entered a stop or said why it was, in this shift."""
    told: set[Any] = set()
    if stop.source == StateSource.PERSON and stop.started_at >= shift.starts_at:
        told.add(stop.reported_by_id)
    if stop.explained_at and shift.starts_at <= stop.explained_at < shift.ends_at:
        told.add(stop.explained_by_id)
    return told
