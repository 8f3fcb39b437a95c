"""Work orders for other systems: by number, by text, and the ones that are going on."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from equipment.scope import visible
from inventory.models import Material
from production.enums import ACTIVE_STATUSES
from production.models import Batch, WorkOrder

FEW = 5_000


def work_orders_with_links() -> QuerySet[WorkOrder]:
    """Orders with what every representation of them shows, so that a list costs one query."""
    return WorkOrder.objects.select_related("product", "production_line", "batch")


def find_active_orders(*, line_id: UUID | None = None, statuses: Sequence[str] | None = None) -> QuerySet[WorkOrder]:
    """Orders that are planned, released or in progress (DBO-79), or in `statuses`; the most pressing first.

    DBO-79 bounds them by `scheduled_start >= today`. X-11 lifts that for orders in progress and wants overdue ones
    shown. A planned or released order whose day has begun or passed without a start is exactly what is overdue, so
    the date hides none: `scheduled_end` in the past marks them instead (`order_list.is_late`).
    """
    orders = visible(work_orders_with_links().filter(status__in=statuses or ACTIVE_STATUSES))
    if line_id:
        orders = orders.filter(production_line_id=line_id)
    return orders.order_by("scheduled_start", "priority", "id")


def matching(text: str) -> Q:
    """Orders whose number, product or batch contains `text`. Looks the products and batches up at once.

    Given as keys, every part of the OR has an index (pg_trgm for the numbers) and PostgreSQL knows how many orders
    to expect; a subquery or a join in an OR would make it read every order.
    """
    products = Material.objects.filter(Q(product_code__icontains=text) | Q(product_name__icontains=text))
    batches = Batch.objects.filter(batch_number__icontains=text)
    return (
        Q(work_order_number__icontains=text)
        | Q(product__in=_keys_if_few(products))
        | Q(batch__in=_keys_if_few(batches))
    )


def _keys_if_few(records: QuerySet[Any]) -> list[UUID] | QuerySet[Any]:
    """Where many match, so do many orders: whatever order they are asked in, the first page is found soon."""
    keys = list(records.values_list("pk", flat=True)[: FEW + 1])
    return keys if len(keys) <= FEW else records.values("pk")
