"""Every change of a work order. Each function is one transaction: it happens whole or not at all."""

import datetime as dt
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import records
from audit.context import require
from audit.errors import InvalidInput, NotFound
from audit.journal import change
from audit.models import Signature
from audit.signatures import Signing
from equipment.models import ProductionLine
from equipment.scope import require_line, require_target, visible
from inventory.models import Material
from production.enums import FINAL_STATUSES, JobOrderStatus, WorkOrderStatus
from production.events import publish_order
from production.models import Batch, JobOrder, RoutingOperation, WorkOrder
from production.transitions import (
    CANCEL,
    COMPLETE,
    HOLD,
    JOB_CANCEL,
    JOB_ORDER,
    PLAN,
    RELEASE,
    RESUME,
    WORK_ORDER,
)

EDITABLE = frozenset(
    {
        "planned_quantity",
        "uom",
        "priority",
        "scheduled_start",
        "scheduled_end",
        "production_line_id",
        "batch_id",
        "manufacturing_parameters",
        "quality_requirements",
        "special_instructions",
    }
)


def create_work_order(
    *,
    work_order_number: str,
    product_id: UUID,
    planned_quantity: Any,
    scheduled_start: dt.datetime,
    scheduled_end: dt.datetime,
    production_line_id: UUID | None = None,
    batch_id: UUID | None = None,
    **values: Any,
) -> WorkOrder:
    """Create an order in status `created`.

    Raises NotFound (product, line, batch), InvalidInput (any rule) or Conflict (number taken, decided by the
    database so that two racing writers cannot both win).
    """
    require("production.add_workorder")
    require_target(production_line_id)
    _known(values)
    product = _active_product(product_id)
    _check_links(production_line_id, batch_id, product)
    _check_zones(scheduled_start=scheduled_start, scheduled_end=scheduled_end)
    values.setdefault("uom", product.uom)
    with change("create_work_order"):
        order = records.create(
            WorkOrder(
                work_order_number=work_order_number,
                product=product,
                planned_quantity=planned_quantity,
                scheduled_start=scheduled_start,
                scheduled_end=scheduled_end,
                production_line_id=production_line_id,
                batch_id=batch_id,
                **values,
            )
        )
        announce(order)
    return order


def update_work_order(
    *, work_order_id: UUID, expected_version: int | None = None, reason: str = "", **changes: Any
) -> WorkOrder:
    """Change what is given and leave the rest. A final order is closed for edits.

    Raises NotFound, StaleVersion, InvalidInput or Conflict.
    """
    require("production.change_workorder")
    _known(changes)
    _check_zones(**{k: v for k, v in changes.items() if isinstance(v, dt.datetime)})
    with change("update_work_order", reason):
        order = own_order(work_order_id, expected_version)
        if "production_line_id" in changes:
            require_target(changes["production_line_id"])
        if order.status in FINAL_STATUSES:
            raise InvalidInput(
                _("The order is “%(status)s” and can no longer be changed.") % {"status": order.get_status_display()}
            )
        _check_links(changes.get("production_line_id"), changes.get("batch_id"), order.product)
        _check_line_change(order, changes)
        _check_quantity_change(order, changes)
        records.update(order, expected_version=expected_version, reason=reason, **changes)
        if "production_line_id" in changes:
            _dispatch_jobs(order)
        announce(order)
    return order


def plan_work_order(*, work_order_id: UUID, expected_version: int | None = None) -> WorkOrder:
    """Plan a created order: copy the operations of the product's active routing into job orders."""
    with change("plan_work_order"):
        order = own_order(work_order_id, expected_version)
        WORK_ORDER.apply(order, PLAN)
        operations = RoutingOperation.objects.filter(
            routing__product_id=order.product_id, routing__is_active=True
        ).order_by("sequence")
        for operation in operations:
            records.create(
                JobOrder(
                    work_order=order,
                    sequence=operation.sequence,
                    operation_name=operation.name,
                    run_time_seconds=operation.run_time_seconds,
                    setup_time_seconds=operation.setup_time_seconds,
                    production_line_id=operation.production_line_id or order.production_line_id,
                )
            )
        announce(order)
    return order


def release_work_order(
    *, work_order_id: UUID, signing: Signing | None, reason: str = "", expected_version: int | None = None
) -> WorkOrder:
    """Release a planned order to the floor with the last signature its policy asks for, of the current actor.

    Raises TransitionRefused, MissingPermission, InvalidInput, StaleVersion (what was shown is no longer so) or
    SignatureRefused; nothing is changed then. As all steps that may be signed do.
    """
    with change("release_work_order", reason):
        order = own_order(work_order_id, expected_version)
        WORK_ORDER.apply(order, RELEASE, signing=signing, reason=reason, stamp=_signature_summary)
        announce(order)
    return order


def hold_work_order(
    *, work_order_id: UUID, reason: str, signing: Signing | None = None, expected_version: int | None = None
) -> WorkOrder:
    """Stop an order from going on; its jobs stay as they are but accept no start and no pieces."""
    with change("hold_work_order", reason):
        order = own_order(work_order_id, expected_version)
        WORK_ORDER.apply(order, HOLD, signing=signing, reason=reason, status_before_hold=order.status)
        announce(order)
    return order


def resume_work_order(
    *, work_order_id: UUID, reason: str = "", signing: Signing | None = None, expected_version: int | None = None
) -> WorkOrder:
    """Bring an order back to the status it had before the hold."""
    with change("resume_work_order", reason):
        order = own_order(work_order_id, expected_version)
        WORK_ORDER.apply(order, RESUME, signing=signing, reason=reason, status_before_hold="")
        announce(order)
    return order


def complete_work_order(
    *, work_order_id: UUID, reason: str = "", signing: Signing | None = None, expected_version: int | None = None
) -> WorkOrder:
    """Complete an order whose jobs are all complete; the last job's completion does this by itself, unless signed."""
    with change("complete_work_order", reason):
        order = own_order(work_order_id, expected_version)
        apply_completion(order, signing=signing, reason=reason)
        announce(order)
    return order


def cancel_work_order(
    *, work_order_id: UUID, reason: str, signing: Signing | None = None, expected_version: int | None = None
) -> WorkOrder:
    """Cancel an order that is not final, and the jobs it still has."""
    with change("cancel_work_order", reason):
        order = own_order(work_order_id, expected_version)
        WORK_ORDER.apply(order, CANCEL, signing=signing, reason=reason)
        for job in order.job_orders.select_for_update(no_key=True).order_by("pk"):
            if job.status in JOB_CANCEL.sources:
                JOB_ORDER.apply(job, JOB_CANCEL, reason=reason)
        announce(order)
    return order


def locked_order(work_order_id: UUID, expected_version: int | None = None) -> WorkOrder:
    """The order, locked until the transaction ends. Always the first lock a production service takes.

    Raises NotFound, or StaleVersion when the caller saw another version.
    """
    order = (
        WorkOrder.objects.select_for_update(of=("self",), no_key=True)
        .select_related("product", "production_line", "batch")
        .filter(pk=work_order_id)
        .first()
    )
    if order is None:
        raise NotFound(_("The work order was not found."))
    records.check_version(order, expected_version)
    return order


def own_order(work_order_id: UUID, expected_version: int | None = None) -> WorkOrder:
    """The locked order for a step or an edit of the order itself: its line is one of who acts, or OutsideScope."""
    order = locked_order(work_order_id)
    require_line(order.production_line_id)
    records.check_version(order, expected_version)
    return order


def apply_completion(
    order: WorkOrder, *, at: dt.datetime | None = None, signing: Signing | None = None, reason: str = ""
) -> None:
    at = at or timezone.now()
    WORK_ORDER.apply(
        order, COMPLETE, signing=signing, reason=reason, occurred_at=at, actual_end=max(at, order.actual_start or at)
    )


def announce(order: WorkOrder) -> None:
    transaction.on_commit(partial(publish_order, order.pk))


def _signature_summary(signature: Signature) -> dict[str, Any]:
    return {
        "electronic_signature": {
            "signature_id": str(signature.pk),
            "signer": signature.signer_name,
            "meaning": signature.meaning,
            "digest": signature.digest,
        }
    }


def _known(values: dict[str, Any]) -> None:
    if unknown := sorted(set(values) - EDITABLE):
        raise InvalidInput(
            _("These fields cannot be set: %(fields)s.") % {"fields": ", ".join(unknown)},
            fields={name: _("Cannot be set.") for name in unknown},
        )


def _check_zones(**moments: dt.datetime) -> None:
    for name, moment in moments.items():
        if timezone.is_naive(moment):
            raise InvalidInput(
                _("A time needs its zone, e.g. 2026-01-31T08:00:00+09:00."), fields={name: _("Zone missing.")}
            )


def _active_product(product_id: UUID) -> Material:
    product = Material.objects.filter(pk=product_id).first()
    if product is None:
        raise NotFound(_("The product was not found."))
    if not product.is_active:
        raise InvalidInput(_("The product is no longer active."), fields={"product": _("Not active.")})
    return product


def _check_links(line_id: UUID | None, batch_id: UUID | None, product: Material) -> None:
    if line_id and not ProductionLine.objects.filter(pk=line_id, is_active=True).exists():
        raise NotFound(_("The production line was not found."))
    if batch_id:
        batch = visible(Batch.objects.filter(pk=batch_id)).first()
        if batch is None:
            raise NotFound(_("The batch was not found."))
        if batch.product_id != product.pk:
            raise InvalidInput(_("The batch is of another product."), fields={"batch": _("Another product.")})


def _check_line_change(order: WorkOrder, changes: dict[str, Any]) -> None:
    if "production_line_id" not in changes or changes["production_line_id"] == order.production_line_id:
        return
    if order.status == WorkOrderStatus.IN_PROGRESS:
        raise InvalidInput(
            _("The order is running; its line can be changed only before the first start."),
            fields={"production_line": _("The order is running.")},
        )


def _check_quantity_change(order: WorkOrder, changes: dict[str, Any]) -> None:
    planned = changes.get("planned_quantity")
    made = max((job.produced for job in order.job_orders.all()), default=Decimal(0))
    if planned is not None and 0 < planned < made:
        raise InvalidInput(
            _("%(made)s pieces are reported already; the plan cannot be smaller.") % {"made": f"{made.normalize():f}"},
            fields={"planned_quantity": _("Smaller than what is made.")},
        )


def _dispatch_jobs(order: WorkOrder) -> None:
    """Jobs without a line of their own in the routing follow the order's line."""
    own_line = set(
        RoutingOperation.objects.filter(
            routing__product_id=order.product_id, routing__is_active=True, production_line__isnull=False
        ).values_list("sequence", flat=True)
    )
    for job in order.job_orders.select_for_update(no_key=True).order_by("pk"):
        if job.status == JobOrderStatus.WAITING and job.sequence not in own_line:
            records.update(job, production_line_id=order.production_line_id)
