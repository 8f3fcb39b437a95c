"""The steps of an order: each by the click, with a reason, or signed."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from audit.attempts import permission_remembered
from audit.context import require
from audit.errors import NotFound, SignatureRequired, TransitionRefused
from audit.transitions import Edge, Signed
from mfg_project.common.pages import allowed, done_in_dialog, is_fragment, toast
from production.forms import ReasonForm
from production.models import WorkOrder
from production.queries.order_history import order_for_page
from production.queries.signing import policy_of
from production.services.work_orders import (
    cancel_work_order,
    complete_work_order,
    hold_work_order,
    plan_work_order,
    release_work_order,
    resume_work_order,
)
from production.transitions import WORK_ORDER
from production.views.order_detail import detail_response
from production.views.order_signing import sign_step

SERVICES: dict[str, Callable[..., WorkOrder]] = {
    "plan": plan_work_order,
    "release": release_work_order,
    "resume": resume_work_order,
    "complete": complete_work_order,
    "hold": hold_work_order,
    "cancel": cancel_work_order,
}


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@allowed("production.view_workorder")
def work_order_step(request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
    """A step as it is taken: signed where it has to be, with a reason, or by the click alone."""
    edge = WORK_ORDER.by_name[step]
    with permission_remembered(WorkOrder, pk, edge, tries=request.method == "POST"):
        return _step(request, pk, edge)


def _step(request: HttpRequest, pk: UUID, edge: Edge) -> HttpResponse:
    step = edge.name
    policy = policy_of(step) if edge.signed is not Signed.NEVER else None
    if policy or edge.signed is Signed.ALWAYS:
        return sign_step(request, _order(pk), edge, policy)
    if edge.needs_reason:
        return _reason_step(request, pk, edge)
    return _plain_step(request, pk, step) if request.method == "POST" else HttpResponseNotAllowed(["POST"])


def _plain_step(request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
    try:
        order = SERVICES[step](work_order_id=pk)
    except TransitionRefused as refused:
        return detail_response(request, pk, refusal=_refusal(refused), status=409)
    except SignatureRequired as asked_meanwhile:
        return detail_response(request, pk, refusal={"text": str(asked_meanwhile), "allowed": []}, status=409)
    said = _said(order)
    if is_fragment(request, "order"):
        return toast(detail_response(request, pk), said)
    messages.success(request, said)
    return redirect("production:work-order-detail", pk=pk)


def _reason_step(request: HttpRequest, pk: UUID, edge: Edge) -> HttpResponse:
    """A step that asks why: a dialog over the page, or a page of its own without scripts."""
    require(edge.permission)
    order = _order(pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    context = {"order": order, "edge": edge, "form": form}
    if request.method != "POST":
        refused = next(WORK_ORDER.refusals(order, edge, request.user), "")
        return _dialog(request, context | {"refused": refused}, status=409 if refused else 200)
    if not form.is_valid():
        return _dialog(request, context, status=422)
    try:
        order = SERVICES[edge.name](work_order_id=pk, reason=form.cleaned_data["reason"])
    except (TransitionRefused, SignatureRequired) as refused:
        return _dialog(request, context | {"refused": str(refused)}, status=409)
    return _done(request, order)


def _dialog(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    template = "production/_reason_dialog.html"
    if not is_fragment(request, "modal-content"):
        return render(request, "production/dialog_page.html", context | {"dialog": template}, status=status)
    return render(request, template, context, status=status)


def _done(request: HttpRequest, order: WorkOrder) -> HttpResponse:
    said = _said(order)
    if is_fragment(request, "modal-content"):
        return done_in_dialog(said)
    messages.success(request, said)
    return redirect("production:work-order-detail", pk=order.pk)


def _order(pk: UUID) -> WorkOrder:
    order = order_for_page(pk)
    if order is None:
        raise NotFound(_("The work order was not found."))
    return order


def _said(order: WorkOrder) -> str:
    return _("%(number)s: %(status)s") % {"number": order.work_order_number, "status": order.get_status_display()}


def _refusal(refused: TransitionRefused) -> dict[str, Any]:
    edges = WORK_ORDER.by_name
    return {"text": str(refused), "allowed": [edges[name].label for name in refused.allowed if name in edges]}
