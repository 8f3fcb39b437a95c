"""The order list and its CSV: what is late or stuck?"""

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from audit.paging import FirstPages
from audit.queries.integrity import found_about
from mfg_project.common.pages import (
    allowed,
    asked_text,
    asked_uuid,
    csv_response,
    query_without,
    render_page,
)
from production.enums import WorkOrderStatus
from production.models import WorkOrder
from production.queries.order_list import (
    ALL,
    LATE,
    OPEN,
    PRIORITY_BANDS,
    SORTS,
    VIEWS,
    OrderFilter,
    filtered_orders,
    lines_to_filter,
    progress_of,
    view_counts,
)
from production.queries.signing import SignedMark, signed_marks
from production.views.order_rows import order_row, priority_label

PER_PAGE = 50
SEARCH_FORM = "order-filters"


@require_safe
@allowed("production.view_workorder")
def work_order_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    wanted = read_filter(request)
    page = FirstPages(filtered_orders(wanted, now=now), PER_PAGE).get_page(request.GET.get("page"))
    orders = list(page)
    progress, signed = progress_of(orders), signed_marks(orders)
    context = {
        "wanted": wanted,
        "rows": [
            order_row(order, progress.get(order.pk), now=now, signed=signed.get(str(order.pk))) for order in orders
        ],
        "page": page,
        "query": query_without(request, "page"),
        "chips": _chips(wanted, view_counts(wanted, now=now)),
        "columns": _columns(request, wanted),
        "lines": lines_to_filter(),
        "priorities": _priority_choices(),
        "csv_url": f"{reverse('production:work-order-csv')}?{query_without(request, 'page').rstrip('&')}",
        "empty": _empty(request, wanted, page),
    }
    response = render_page(
        request, "production/work_order_list.html", "production/_order_list.html", context, targets=["orders"]
    )
    if request.htmx.trigger == SEARCH_FORM:  # type: ignore[attr-defined]
        query = query_without(request, "page").rstrip("&")
        push_url(response, f"{request.path}?{query}" if query else request.path)
    return response


@require_safe
@allowed("production.view_workorder")
def work_order_csv(request: HttpRequest) -> HttpResponse:
    """The orders of the list as it is filtered and sorted, as far as its pages go."""
    orders = list(filtered_orders(read_filter(request), now=timezone.now())[: FirstPages.MOST])
    header = [
        _("Number"), _("Product code"), _("Product"), _("Batch"), _("Status"), _("Line"), _("Plan"), _("Good"),
        _("Scrap"), _("Unit"), _("Priority"), _("Scheduled start"), _("Scheduled end"), _("Actual start"),
        _("Actual end"), _("Signed by"), _("Meaning"), _("Signed at"), _("Signature state"),
        _("Altered outside Genba"),
    ]  # fmt: skip
    progress, signed = progress_of(orders), signed_marks(orders)
    found = found_about({(WorkOrder._meta.db_table, str(order.pk)) for order in orders})
    altered = {each["key"] for each in found.findings} if found else set()
    rows = (
        [
            *_csv_row(order, progress[order.pk].scrap if order.pk in progress else 0),
            *_csv_mark(signed.get(str(order.pk))),
            _("yes") if str(order.pk) in altered else "",
        ]
        for order in orders
    )
    return csv_response(f"work-orders-{timezone.localdate():%Y-%m-%d}.csv", header, rows)


def read_filter(request: HttpRequest) -> OrderFilter:
    """What the address asks for. Anything that means nothing here is left out rather than refused."""
    search = asked_text(request, "q")
    view = request.GET.get("status", "")
    return OrderFilter(
        view=view if view in VIEWS else (ALL if search else OPEN),  # a number is searched wherever it is
        search=search,
        line_id=asked_uuid(request, "line"),
        priority=request.GET.get("priority", "") if request.GET.get("priority") in PRIORITY_BANDS else "",
        sort=request.GET.get("sort", "") if request.GET.get("sort", "").removeprefix("-") in SORTS else "",
    )


def _address(wanted: OrderFilter, **changes: Any) -> str:
    values = {
        "status": wanted.view,
        "q": wanted.search,
        "line": wanted.line_id or "",
        "priority": wanted.priority,
        "sort": wanted.sort,
    } | changes
    if values["status"] == (ALL if values["q"] else OPEN):
        values["status"] = ""
    query = urlencode({name: value for name, value in values.items() if value})
    return f"{reverse('production:work-order-list')}?{query}" if query else reverse("production:work-order-list")


def _chips(wanted: OrderFilter, counts: dict[str, int]) -> list[dict[str, Any]]:
    words = dict(WorkOrderStatus.choices) | {
        OPEN: _("Open"),
        LATE: _("Late"),
        WorkOrderStatus.PLANNED: _("To sign"),  # what a planned order waits for
        ALL: _("All"),
    }
    return [
        {
            "label": words[view],
            "url": _address(wanted, status=view),
            "count": counts.get(view),
            "current": view == wanted.view,
            "tone": "attention" if view in (LATE, WorkOrderStatus.ON_HOLD) and counts.get(view) else "",
        }
        for view in VIEWS
    ]


def _columns(request: HttpRequest, wanted: OrderFilter) -> list[dict[str, Any]]:
    columns: list[tuple[str, str, str]] = [
        ("number", _("Number"), ""),
        ("product", _("Product"), ""),
        ("status", _("Status"), ""),
        ("line", _("Line"), ""),
        ("", _("Progress"), ""),
        ("", _("Scrap"), "num"),
        ("priority", _("Priority"), ""),
        ("due", _("Due"), ""),
    ]
    current, descending = wanted.sort.removeprefix("-"), wanted.sort.startswith("-")
    return [
        {
            "label": label,
            "css": css,
            "url": _address(wanted, sort=_next_sort(name, current, descending)) if name else "",
            "order": ("descending" if descending else "ascending") if name and name == current else "",
        }
        for name, label, css in columns
    ]


def _next_sort(name: str, current: str, descending: bool) -> str:
    """Up, then down, then back to what needs a person first."""
    if name != current:
        return name
    return "" if descending else f"-{name}"


def _priority_choices() -> list[tuple[str, str]]:
    words = {"high": _("Urgent and high"), "normal": _("Normal"), "low": _("Low")}
    return [(name, words[name]) for name in PRIORITY_BANDS]


def _empty(request: HttpRequest, wanted: OrderFilter, page: Page[WorkOrder]) -> dict[str, Any] | None:
    if page.paginator.count:
        return None
    if wanted != OrderFilter():
        return {
            "title": _("No orders match"),
            "hint": _("Clear the filters to see every open order."),
            "action_url": reverse("production:work-order-list"),
            "action_label": _("Clear filters"),
        }
    may_add = request.user.has_perm("production.add_workorder")
    return {
        "title": _("No open orders"),
        "hint": _("An order appears here as soon as it is created, by a planner or by the ERP."),
        "action_url": reverse("production:work-order-create") if may_add else "",
        "action_label": _("New order"),
    }


def _csv_mark(mark: SignedMark | None) -> list[str]:
    if mark is None:
        return ["", "", "", ""]
    if mark.waits_for:
        state = _("%(given)s of %(of)s, waits for: %(roles)s") % {
            "given": mark.given,
            "of": mark.of,
            "roles": mark.waits_for,
        }
    else:
        state = _("superseded") if mark.is_superseded else _("as signed")
    return [mark.name, mark.meaning, mark.when, state]


def _csv_row(order: WorkOrder, scrap: Any) -> list[Any]:
    def plain(value: Any) -> Any:
        return "" if value is None else f"{value.normalize():f}" if hasattr(value, "normalize") else value

    def stamp(at: dt.datetime | None) -> str:
        return timezone.localtime(at).isoformat(timespec="seconds") if at else ""

    return [
        order.work_order_number,
        order.product.product_code,
        order.product.product_name,
        order.batch.batch_number if order.batch else "",
        order.get_status_display(),
        order.production_line.line_code if order.production_line else "",
        plain(order.planned_quantity),
        plain(order.actual_quantity),
        plain(scrap),
        order.uom,
        priority_label(order.priority),
        stamp(order.scheduled_start),
        stamp(order.scheduled_end),
        stamp(order.actual_start),
        stamp(order.actual_end),
    ]
