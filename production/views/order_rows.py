"""A work order as one line of a list: everything formatted here, once."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from mfg_project.common.formats import Moment, duration, moment, number
from production.enums import FINAL_STATUSES, Priority, WorkOrderStatus
from production.models import WorkOrder
from production.queries.order_list import OrderProgress
from production.queries.signing import SignedMark

NOTHING = OrderProgress(Decimal(0), 0, 0)


@dataclass(frozen=True, slots=True)
class OrderRow:
    pk: UUID
    url: str
    number: str
    product: str
    product_code: str
    batch: str
    status: str
    status_label: str
    line: str
    good: float
    plan: float
    progress: str
    progress_spoken: str
    operations: str
    operations_spoken: str
    scrap: str
    priority: str
    is_urgent: bool
    due: Moment | None
    late: str
    needs_attention: bool
    signed: SignedMark | None


def order_row(
    order: WorkOrder, progress: OrderProgress | None, *, now: dt.datetime, signed: SignedMark | None = None
) -> OrderRow:
    progress = progress or NOTHING
    good = order.actual_quantity or Decimal(0)
    late = lateness(order, now=now)
    in_sequence = order.status == WorkOrderStatus.IN_PROGRESS and progress.jobs > 1
    current = min(progress.jobs_done + 1, progress.jobs) if in_sequence else 0
    return OrderRow(
        pk=order.pk,
        url=reverse("production:work-order-detail", args=[order.pk]),
        number=order.work_order_number,
        product=order.product.product_name,
        product_code=order.product.product_code,
        batch=order.batch.batch_number if order.batch else "",
        status=order.status,
        status_label=order.get_status_display(),
        line=order.production_line.line_name if order.production_line else "",
        good=float(good),
        plan=float(order.planned_quantity),
        progress=f"{number(good)} / {number(order.planned_quantity)}",
        progress_spoken=_("%(good)s good of %(plan)s planned")
        % {"good": number(good), "plan": number(order.planned_quantity)},
        operations=f"{current} / {progress.jobs}" if current else "",
        operations_spoken=_("operation %(current)s of %(all)s") % {"current": current, "all": progress.jobs},
        scrap=number(progress.scrap),
        priority=priority_label(order.priority),
        is_urgent=order.priority <= Priority.HIGH,
        due=moment(order.actual_end or order.scheduled_end, now=now),
        late=late,
        needs_attention=bool(late) or order.status == WorkOrderStatus.ON_HOLD,
        signed=signed,
    )


def lateness(order: WorkOrder, *, now: dt.datetime) -> str:
    """How long an open order is past its scheduled end, in words."""
    if order.status in FINAL_STATUSES or order.scheduled_end >= now:
        return ""
    return _("Late by %(time)s") % {"time": duration((now - order.scheduled_end).total_seconds())}


def priority_label(priority: int) -> str:
    """Names for the points that have one, the number for those between (X-33)."""
    return str(Priority(priority).label) if priority in Priority else str(priority)
