"""What one PATCH or PUT may ask of a work order, whole or not at all."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from audit.attempts import remember
from audit.errors import InvalidInput, TransitionRefused
from production.enums import JobOrderStatus
from production.models import WorkOrder
from production.services.job_orders import report_quantity
from production.services.work_orders import (
    cancel_work_order,
    complete_work_order,
    hold_work_order,
    locked_order,
    plan_work_order,
    resume_work_order,
    update_work_order,
)
from production.transitions import CANCEL, COMPLETE, HOLD, PLAN, RELEASE, RESUME, START, WORK_ORDER


def amend_work_order(
    *,
    work_order_id: UUID,
    expected_version: int | None = None,
    status: str | None = None,
    completed_quantity: Decimal | None = None,
    source: str,
    reason: str = "",
    **changes: Any,
) -> WorkOrder:
    """Change fields, then report what is missing to `completed_quantity`, then take the step that leads to `status`.

    Raises what the three raise, StaleVersion, and TransitionRefused for a status no step leads to; nothing is
    changed then.
    """
    with transaction.atomic():  # each part is a change of its own, and names itself
        order = locked_order(work_order_id, expected_version)
        takes_step = status is not None and status != order.status
        if changes or not (takes_step or completed_quantity is not None):  # asking for nothing needs the right as well
            order = update_work_order(work_order_id=work_order_id, reason=reason, **changes)
        if completed_quantity is not None:
            _report_difference(order, completed_quantity, source)
        if takes_step and status is not None:
            _step_to(order, status, reason)
        return locked_order(work_order_id)


def _report_difference(order: WorkOrder, completed: Decimal, source: str) -> None:
    """Only what leaves the last operation is made, so the difference is counted there."""
    difference = completed - (order.actual_quantity or 0)
    if completed < 0:
        text = _("The completed quantity must be 0 or more.")
        raise InvalidInput(text, fields={"actual_quantity": text})
    if difference < 0:
        text = _("The completed quantity cannot become smaller; undo a report instead.")
        raise InvalidInput(text, fields={"actual_quantity": text})
    if difference == 0:
        return
    last = order.job_orders.exclude(status=JobOrderStatus.CANCELLED).order_by("sequence").last()
    if last is None:
        raise TransitionRefused(
            _("The order has no operations yet; plan it first."),
            allowed=[edge.name for edge in WORK_ORDER.allowed(order)],
        )
    report_quantity(job_order_id=last.pk, good=difference, source=source)


def _step_to(order: WorkOrder, status: str, reason: str) -> None:
    reachable = {edge.target or order.status_before_hold: edge for edge in WORK_ORDER.allowed(order)}
    edge = reachable.get(status)
    facts = {
        "allowed": [step.name for step in reachable.values()],
        "allowed_statuses": sorted(reachable),
    }
    if edge is None:
        possible = ", ".join(sorted(reachable)) or "none"
        remember(order, f"to {status[:40]}", f"no step leads there; possible: {possible}")
        raise TransitionRefused(
            _("The status cannot become “%(wanted)s”. From “%(now)s” it can become: %(allowed)s.")
            % {
                "wanted": status,
                "now": order.status,
                "allowed": ", ".join(sorted(reachable)) or "—",
            },
            **facts,
        )
    if edge is RELEASE:
        text = _("A release is signed: use the release step, with password and meaning.")
        raise InvalidInput(text, fields={"status": text})
    if edge is START:
        remember(order, edge.name, "an order starts with its first job")
        raise TransitionRefused(_("An order starts with its first job: start that."), **facts)
    _take(order, edge, reason)


def _take(order: WorkOrder, edge: Any, reason: str) -> None:
    if edge is PLAN:
        plan_work_order(work_order_id=order.pk)
    elif edge is COMPLETE:
        complete_work_order(work_order_id=order.pk)
    elif edge is HOLD:
        hold_work_order(work_order_id=order.pk, reason=reason)
    elif edge is RESUME:
        resume_work_order(work_order_id=order.pk, reason=reason)
    elif edge is CANCEL:
        cancel_work_order(work_order_id=order.pk, reason=reason)
