"""Executing job orders: start, count, hold, complete. Locks are taken in the order work order, job order, line."""

import datetime as dt
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.context import require, uuid7
from audit.errors import InvalidInput, NotFound, TransitionRefused
from audit.journal import change
from audit.records import guarded
from equipment.enums import LineState, ReasonKind, StateSource
from equipment.events import publish_line
from equipment.models import LineStateInterval, ReasonCode
from equipment.scope import require_line
from equipment.services.line_states import set_line_state
from production.enums import JobOrderStatus, WorkOrderStatus
from production.events import publish_order
from production.models import JobOrder, QuantityReport, WorkOrder
from production.services.work_orders import apply_completion, locked_order
from production.transitions import COMPLETE, JOB_COMPLETE, JOB_HOLD, JOB_ORDER, JOB_START, START, WORK_ORDER


def start_job(*, job_order_id: UUID, source: str = StateSource.PERSON) -> JobOrder:
    """Start or continue a job; the first start of an order moves it to `in_progress` and stamps its actual start."""
    with change("start_job"):
        order, job = _locked(job_order_id)
        line_id = _line_of(job)
        now = timezone.now()
        JOB_ORDER.apply(job, JOB_START, occurred_at=now, actual_start=job.actual_start or now)
        if order.status == WorkOrderStatus.RELEASED:
            WORK_ORDER.apply(order, START, occurred_at=now, actual_start=order.actual_start or now)
        set_line_state(line_id=line_id, state=LineState.RUNNING, source=source)
        _announce(job)
    return job


def hold_job(*, job_order_id: UUID, reason_id: UUID, comment: str = "") -> JobOrder:
    """Interrupt a running job with a picked reason; the line goes idle unless another job runs on it."""
    with change("hold_job"):
        reason = _reason(reason_id, ReasonKind.HOLD)
        _order, job = _locked(job_order_id)
        JOB_ORDER.apply(job, JOB_HOLD, reason=": ".join(filter(None, [reason.name, comment])))
        _rest_line(job, StateSource.PERSON)
        _announce(job)
    return job


def complete_job(*, job_order_id: UUID, source: str = StateSource.PERSON) -> JobOrder:
    """Complete a running job; the last one completes its work order."""
    with change("complete_job"):
        order, job = _locked(job_order_id)
        now = timezone.now()
        JOB_ORDER.apply(job, JOB_COMPLETE, occurred_at=now, actual_end=max(now, job.actual_start or now))
        if not order.job_orders.exclude(status=JobOrderStatus.COMPLETED).exists():
            _complete(order, now)
        _rest_line(job, source)
        _announce(job)
    return job


def report_quantity(
    *,
    job_order_id: UUID,
    good: Decimal = Decimal(0),
    scrap: Decimal = Decimal(0),
    rework: Decimal = Decimal(0),
    reason_id: UUID | None = None,
    comment: str = "",
    reported_at: dt.datetime | None = None,
    client_token: UUID | None = None,
    source: str = StateSource.PERSON,
) -> QuantityReport:
    """Count pieces on a running job.

    A repeated `client_token` (second click, retried request) returns the first report and counts nothing.
    Raises NotFound, InvalidInput (negative, empty, above plan plus tolerance, scrap without a reason) or
    TransitionRefused (the job is not running), and then leaves nothing changed.
    """
    actor = require("production.report_quantity")
    good, scrap, rework = Decimal(good), Decimal(scrap), Decimal(rework)
    _check_counts(good, scrap, rework, reason_id)
    reason = _reason(reason_id, ReasonKind.SCRAP) if reason_id else None
    with change("report_quantity"):
        order, job = _locked(job_order_id)
        if client_token and (first := QuantityReport.objects.filter(client_token=client_token).first()):
            return _same_report(first, job, (good, scrap, rework))
        _check_running(order, job)
        _check_tolerance(order, job, good + scrap + rework)
        with guarded(QuantityReport):
            report = QuantityReport.objects.create(
                job_order=job,
                production_line_id=_line_of(job),
                good=good,
                scrap=scrap,
                rework=rework,
                reason=reason,
                comment=comment,
                reported_at=_report_time(reported_at, job),
                reported_by=actor,
                source=source,
                client_token=client_token or uuid7(),
            )
        _add_to_totals(order, job, good, scrap, rework)
        _announce(job)
    return report


def undo_report(*, report_id: UUID, reason: str = "") -> QuantityReport:
    """Reverse a report by one with the opposite counts; both stay. Possible until the job is complete."""
    actor = require("production.report_quantity")
    with change("undo_report", reason):
        wrong = QuantityReport.objects.filter(pk=report_id).first()
        if wrong is None:
            raise NotFound(_("This report does not exist."))
        order, job = _locked(wrong.job_order_id)
        if wrong.reverses_id or QuantityReport.objects.filter(reverses=wrong).exists():
            raise InvalidInput(_("This report is already undone."))
        if job.status not in (JobOrderStatus.RUNNING, JobOrderStatus.HELD):
            raise TransitionRefused(_("The job is complete; its counts can no longer be undone."))
        with guarded(QuantityReport):
            report = QuantityReport.objects.create(
                job_order=job,
                production_line_id=wrong.production_line_id,
                good=-wrong.good,
                scrap=-wrong.scrap,
                rework=-wrong.rework,
                reason=wrong.reason,
                comment=reason,
                reported_at=wrong.reported_at,  # the same moment, so that every period's sums are right again
                reported_by=actor,
                source=StateSource.PERSON,
                reverses=wrong,
            )
        _add_to_totals(order, job, -wrong.good, -wrong.scrap, -wrong.rework)
        _announce(job)
    return report


def _locked(job_order_id: UUID) -> tuple[WorkOrder, JobOrder]:
    """Order and job, locked, for who works on the line of the job (OutsideScope), whatever line the order has."""
    order_id = JobOrder.objects.filter(pk=job_order_id).values_list("work_order_id", flat=True).first()
    if order_id is None:
        raise NotFound(_("The job order was not found."))
    order = locked_order(order_id)
    job = JobOrder.objects.select_for_update(no_key=True).get(pk=job_order_id)
    require_line(job.production_line_id)
    job.work_order = order
    return order, job


def _complete(order: WorkOrder, at: dt.datetime) -> None:
    """The order is complete with its last job, unless somebody has to sign that: then it waits for who does."""
    if WORK_ORDER.asked(order, COMPLETE) is None:
        apply_completion(order, at=at)


def _announce(job: JobOrder) -> None:
    transaction.on_commit(partial(publish_order, job.work_order_id))
    transaction.on_commit(partial(publish_line, job.production_line_id))


def _rest_line(job: JobOrder, source: str) -> None:
    """The line is idle when nothing runs on it any more; a stop that was shown already stays a stop."""
    line_id = _line_of(job)
    if not JobOrder.objects.filter(production_line_id=line_id, status=JobOrderStatus.RUNNING).exists():
        current = LineStateInterval.objects.filter(line_id=line_id, ended_at=None).first()
        if current is None or current.state in (LineState.RUNNING, LineState.SETUP):
            set_line_state(line_id=line_id, state=LineState.IDLE, source=source)


def _line_of(job: JobOrder) -> UUID:
    if job.production_line_id is None:
        raise InvalidInput(_("The job has no production line yet."))
    return job.production_line_id


def _reason(reason_id: UUID, kind: str) -> ReasonCode:
    reason = ReasonCode.objects.filter(pk=reason_id, kind=kind, is_active=True).first()
    if reason is None:
        raise NotFound(_("This reason does not exist."))
    return reason


def _check_counts(good: Decimal, scrap: Decimal, rework: Decimal, reason_id: UUID | None) -> None:
    counts = {"good": good, "scrap": scrap, "rework": rework}
    wrong = {name: _("Must be 0 or more.") for name, count in counts.items() if not count.is_finite() or count < 0}
    if wrong:
        raise InvalidInput(_("Quantities must be 0 or more."), fields=wrong)
    if not any(counts.values()):
        raise InvalidInput(_("Enter at least one piece."), fields={"good": _("Enter at least one piece.")})
    if (scrap or rework) and reason_id is None:
        raise InvalidInput(_("Scrap and rework need a reason."), fields={"reason": _("Choose a reason.")})


def _same_report(first: QuantityReport, job: JobOrder, counts: tuple[Decimal, ...]) -> QuantityReport:
    """A repetition says the same again; anything else under the same token would be lost silently."""
    if first.job_order_id != job.pk or (first.good, first.scrap, first.rework) != counts:
        raise InvalidInput(
            _("Already counted: good %(good)s, scrap %(scrap)s, rework %(rework)s. The altered numbers were not added.")
            % {name: f"{getattr(first, name).normalize():f}" for name in ("good", "scrap", "rework")},
            fields={"client_token": _("Used already.")},
        )
    return first


def _check_running(order: WorkOrder, job: JobOrder) -> None:
    if job.status != JobOrderStatus.RUNNING or order.status != WorkOrderStatus.IN_PROGRESS:
        raise TransitionRefused(
            _("Pieces are counted only on a running job. The job is “%(job)s”, the order “%(order)s”.")
            % {"job": job.get_status_display(), "order": order.get_status_display()},
            allowed=[edge.name for edge in JOB_ORDER.allowed(job)],
        )


def _check_tolerance(order: WorkOrder, job: JobOrder, added: Decimal) -> None:
    left = order.tolerated_quantity - job.produced
    if added > left:
        raise InvalidInput(
            _("At most %(left)s more can be reported: %(planned)s planned plus tolerance, %(made)s reported already.")
            % {
                "left": f"{left.normalize():f}",
                "planned": f"{order.planned_quantity.normalize():f}",
                "made": f"{job.produced.normalize():f}",
            },
            fields={"good": _("Above plan plus tolerance.")},
        )


def _report_time(reported_at: dt.datetime | None, job: JobOrder) -> dt.datetime:
    now = timezone.now()
    if reported_at is None:
        return now
    if timezone.is_naive(reported_at):
        raise InvalidInput(
            _("A time needs its zone, e.g. 2026-01-31T08:00:00+09:00."),
            fields={"reported_at": _("Zone missing.")},
        )
    if not (job.actual_start or now) <= reported_at <= now + dt.timedelta(seconds=60):
        raise InvalidInput(
            _("The time lies outside the job, which started %(start)s.") % {"start": job.actual_start},
            fields={"reported_at": _("Outside the job.")},
        )
    return reported_at


def _add_to_totals(order: WorkOrder, job: JobOrder, good: Decimal, scrap: Decimal, rework: Decimal) -> None:
    """Both rows are locked. Totals are derived, so they raise no version: an edit beside them is not stale."""
    job.good, job.scrap, job.rework = job.good + good, job.scrap + scrap, job.rework + rework
    JobOrder.objects.filter(pk=job.pk).update(good=job.good, scrap=job.scrap, rework=job.rework)
    last = order.job_orders.aggregate(last=Max("sequence", filter=~Q(status=JobOrderStatus.CANCELLED)))["last"]
    if job.sequence == last:  # only what leaves the last operation is made
        order.actual_quantity = job.good
        WorkOrder.objects.filter(pk=order.pk).update(actual_quantity=job.good)
