"""The order list: what is late or stuck first, filtered as the address says."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    F,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)

from equipment.models import ProductionLine
from equipment.scope import visible
from production.enums import FINAL_STATUSES, JobOrderStatus, WorkOrderStatus
from production.models import JobOrder, WorkOrder
from production.queries.work_orders import matching

S = WorkOrderStatus
OPEN_STATUSES = tuple(status for status in S if status not in FINAL_STATUSES)

# Views on the list, in the order of the chips; a status is one as well.
OPEN, LATE, ALL = "open", "late", "all"
VIEWS = (OPEN, LATE, S.ON_HOLD, S.IN_PROGRESS, S.PLANNED, S.RELEASED, S.CREATED, S.COMPLETED, S.CANCELLED, ALL)

PRIORITY_BANDS = {"high": (1, 3), "normal": (4, 6), "low": (7, 10)}

SORTS: dict[str, tuple[str, ...]] = {
    "number": ("work_order_number",),
    "product": ("product__product_code", "work_order_number"),
    "status": ("status", "scheduled_end"),
    "line": ("production_line__line_code", "scheduled_end"),
    "priority": ("priority", "scheduled_end"),
    "start": ("scheduled_start", "id"),
    "due": ("scheduled_end", "id"),
}


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What the address asks for; everything in it is already checked against what exists."""

    view: str = OPEN
    search: str = ""
    line_id: UUID | None = None
    priority: str = ""
    sort: str = ""  # empty: what needs a person first


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """Sums over the jobs of one order."""

    scrap: Decimal
    jobs: int
    jobs_done: int


def is_late(now: dt.datetime) -> Q:
    return Q(scheduled_end__lt=now, status__in=OPEN_STATUSES)


def filtered_orders(wanted: OrderFilter, *, now: dt.datetime) -> QuerySet[WorkOrder]:
    orders = visible(WorkOrder.objects.filter(_view_condition(wanted.view, now)).filter(_other_conditions(wanted)))
    orders = orders.select_related("product", "production_line", "batch")
    return orders.order_by(*_ordering(wanted, now))


def view_counts(wanted: OrderFilter, *, now: dt.datetime) -> dict[str, int]:
    """How many open orders each view holds under the other filters. Finished ones are not counted: they only grow."""
    rows = (
        visible(WorkOrder.objects.filter(_other_conditions(wanted), status__in=OPEN_STATUSES))
        .values_list("status")
        .annotate(n=Count("pk"), late=Count("pk", filter=is_late(now)))
    )
    counts = dict.fromkeys((OPEN, LATE, *OPEN_STATUSES), 0)
    for status, n, late in rows:
        counts[status] = n
        counts[OPEN] += n
        counts[LATE] += late
    return counts


def progress_of(orders: list[WorkOrder]) -> dict[UUID, OrderProgress]:
    rows = (
        JobOrder.objects.filter(work_order__in=[order.pk for order in orders])
        .values("work_order_id")
        .annotate(
            total_scrap=Sum("scrap"),
            jobs=Count("pk", filter=~Q(status=JobOrderStatus.CANCELLED)),
            jobs_done=Count("pk", filter=Q(status=JobOrderStatus.COMPLETED)),
        )
    )
    return {row["work_order_id"]: OrderProgress(row["total_scrap"], row["jobs"], row["jobs_done"]) for row in rows}


def lines_to_filter() -> list[ProductionLine]:
    """The lines to choose from: those the account works on."""
    return list(visible(ProductionLine.objects.filter(is_active=True)).order_by("line_code"))


def _view_condition(view: str, now: dt.datetime) -> Q:
    if view == LATE:
        return is_late(now)
    if view == OPEN:
        return Q(status__in=OPEN_STATUSES)
    return Q() if view == ALL else Q(status=view)


def _other_conditions(wanted: OrderFilter) -> Q:
    condition = Q()
    if wanted.search:
        condition &= matching(wanted.search)
    if wanted.line_id:
        condition &= Q(production_line_id=wanted.line_id)
    if wanted.priority in PRIORITY_BANDS:
        condition &= Q(priority__range=PRIORITY_BANDS[wanted.priority])
    return condition


def _ordering(wanted: OrderFilter, now: dt.datetime) -> list[Any]:
    name = wanted.sort.lstrip("-")
    if name in SORTS:
        fields = SORTS[name]
        return [f"-{fields[0]}" if wanted.sort.startswith("-") else fields[0], *fields[1:]]
    if wanted.view == S.COMPLETED:
        return ["-actual_end"]
    if wanted.view in (S.CANCELLED, ALL):
        return ["-scheduled_start", "id"]
    return [_urgency(now), F("scheduled_end").asc(), "priority", "id"]


def _urgency(now: dt.datetime) -> Case:
    """Stuck or late first, then what runs, then what comes."""
    moment = Value(now, output_field=DateTimeField())
    return Case(
        When(Q(status=S.ON_HOLD) | Q(scheduled_end__lt=moment), then=0),
        When(status=S.IN_PROGRESS, then=1),
        When(status=S.RELEASED, then=2),
        When(status=S.PLANNED, then=3),
        default=4,
        output_field=IntegerField(),
    )
