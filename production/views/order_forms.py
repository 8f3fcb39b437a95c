"""New order and edit. A refused form comes back with everything that was typed."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from audit.access import require_record
from audit.errors import DomainError, MissingPermission, NotFound, StaleVersion
from mfg_project.common.pages import allowed
from production.enums import FINAL_STATUSES
from production.forms import WorkOrderForm, add_refusal, next_shift_hours, values_of
from production.models import WorkOrder
from production.queries.order_history import order_for_page
from production.services.work_orders import create_work_order, update_work_order


@require_http_methods(["GET", "HEAD", "POST"])
@allowed("production.add_workorder")
def work_order_create(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        initial = {"work_order_number": "WO-"} | next_shift_hours(timezone.now())
        return _form_page(request, WorkOrderForm(initial=initial))
    form = WorkOrderForm(request.POST)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    try:
        order = create_work_order(**form.values())
    except MissingPermission:
        raise
    except DomainError as refused:
        add_refusal(form, refused)
        return _form_page(request, form, status=422)
    messages.success(request, _("%(number)s was created.") % {"number": order.work_order_number})
    return redirect("production:work-order-detail", pk=order.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@allowed("production.change_workorder")
def work_order_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    order = order_for_page(pk)
    if order is None:
        raise NotFound(_("The work order was not found."))
    require_record(order)  # seen because an operation runs here; whose line the order is, changes it
    if request.method != "POST":
        return _form_page(request, WorkOrderForm(order=order, initial=values_of(order)), order)
    form = WorkOrderForm(request.POST, order=order, initial=values_of(order))
    if not form.is_valid():
        return _form_page(request, form, order, status=422)
    seen = form.cleaned_data["version"]
    try:
        update_work_order(work_order_id=pk, expected_version=seen, reason=form.cleaned_data["reason"], **form.changes())
    except StaleVersion as stale:
        form.add_error(None, str(stale))
        return _form_page(request, form, order, stale=True, status=409)
    except MissingPermission:
        raise
    except DomainError as refused:
        add_refusal(form, refused)
        return _form_page(request, form, order, status=422)
    messages.success(request, _("%(number)s was saved.") % {"number": order.work_order_number})
    return redirect("production:work-order-detail", pk=pk)


def _form_page(
    request: HttpRequest,
    form: WorkOrderForm,
    order: WorkOrder | None = None,
    *,
    stale: bool = False,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "order": order,
        "is_stale": stale,
        "is_signed": order is not None and bool(order.electronic_signature),
        "is_closed": order is not None and order.status in FINAL_STATUSES,
        "now_saved": _now_saved(form) if stale else [],
    }
    return render(request, "production/work_order_form.html", context, status=status)


def _now_saved(form: WorkOrderForm) -> list[dict[str, Any]]:
    """Beside a stale form: the values that are stored now where they differ from what was typed."""
    rows = []
    for name in form.changed_data:
        if name not in ("reason", "version"):
            bound = form[name]
            rows.append({"label": bound.label, "text": _shown(form, name)})
    return rows


def _shown(form: WorkOrderForm, name: str) -> str:
    value = form.initial.get(name)
    field = form.fields[name]
    if isinstance(field, ModelChoiceField):
        return str(field.queryset.filter(pk=value).first() or "—") if value and field.queryset is not None else "—"
    shown = field.prepare_value(value)
    return "—" if shown in (None, "") else str(shown)
