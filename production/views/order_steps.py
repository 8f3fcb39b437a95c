"""The steps of an order: plan, hold, resume, complete, cancel, and the signed release."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from audit.canonical import canonical_json, digest, plain
from audit.context import require
from audit.errors import DomainError, MissingPermission, NotFound, SignatureRefused, StaleVersion, TransitionRefused
from audit.models import Signature
from audit.seal_wait import wait_for_seal
from audit.signatures import confirm_identity
from mfg_project.common.pages import allowed, done_in_dialog, is_fragment, toast
from production.forms import ReasonForm, SignReleaseForm, add_refusal
from production.models import WorkOrder
from production.queries.order_history import order_for_page
from production.services.work_orders import (
    cancel_work_order,
    complete_work_order,
    hold_work_order,
    plan_work_order,
    release_work_order,
    resume_work_order,
)
from production.transitions import RELEASE, WORK_ORDER
from production.views.order_detail import detail_response
from production.views.signed_content import content_rows

SERVICES: dict[str, Callable[..., WorkOrder]] = {
    "plan": plan_work_order,
    "resume": resume_work_order,
    "complete": complete_work_order,
    "hold": hold_work_order,
    "cancel": cancel_work_order,
}


@require_POST
@allowed("production.view_workorder")
def work_order_step(request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
    """A step that needs nothing but the click."""
    try:
        order = SERVICES[step](work_order_id=pk)
    except TransitionRefused as refused:
        return detail_response(request, pk, refusal=_refusal(refused), status=409)
    said = _said(order)
    if is_fragment(request, "order"):
        return toast(detail_response(request, pk), said)
    messages.success(request, said)
    return redirect("production:work-order-detail", pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@allowed("production.view_workorder")
def work_order_reason_step(request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
    """A step that asks why: a dialog over the page, or a page of its own without scripts."""
    edge = WORK_ORDER.by_name[step]
    require(edge.permission)
    order = _order(pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    context = {"order": order, "edge": edge, "form": form}
    if request.method != "POST":
        refused = next(WORK_ORDER.refusals(order, edge, request.user), "")
        return _dialog(request, "reason", context | {"refused": refused}, status=409 if refused else 200)
    if not form.is_valid():
        return _dialog(request, "reason", context, status=422)
    try:
        order = SERVICES[step](work_order_id=pk, reason=form.cleaned_data["reason"])
    except TransitionRefused as refused:
        return _dialog(request, "reason", context | {"refused": str(refused)}, status=409)
    return _done(request, order)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@allowed("production.view_workorder")
def work_order_release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What is signed first, then the meaning, then the password."""
    require(RELEASE.permission)
    order = _order(pk)
    if request.method != "POST":
        form = SignReleaseForm(initial={"digest": digest(order.signed_content())})
        refused = next(WORK_ORDER.refusals(order, RELEASE, request.user), "")
        return _sign_dialog(request, order, form, refused=refused, status=409 if refused else 200)
    form = SignReleaseForm(request.POST)
    if not form.is_valid():
        return _sign_dialog(request, order, form, status=422)
    signed = form.cleaned_data
    try:
        _still_as_read(order, signed["digest"])
        identity = confirm_identity(user=request.user, password=signed["password"])
        order = release_work_order(
            work_order_id=pk,
            identity=identity,
            meaning=signed["meaning"],
            comment=signed["comment"],
            expected_digest=signed["digest"],
        )
    except StaleVersion as changed:
        return _read_again(request, pk, signed, changed)
    except TransitionRefused as refused:
        return _sign_dialog(request, order, form, refused=str(refused), status=409)
    except SignatureRefused as refused:
        form.add_error("password", str(refused))
        return _sign_dialog(request, order, form, status=422)
    except MissingPermission:
        raise
    except DomainError as refused:
        add_refusal(form, refused)
        return _sign_dialog(request, order, form, status=422)
    return _done(request, order, _seal_words(order))


def _still_as_read(order: WorkOrder, read: str) -> None:
    """Asked before the password, so that nobody proves who they are for content they did not see."""
    if digest(order.signed_content()) != read:
        raise StaleVersion(_("The content changed since you opened it. Nothing was signed. Read it again."))


def _read_again(request: HttpRequest, pk: UUID, signed: dict[str, Any], changed: StaleVersion) -> HttpResponse:
    """The present content with a fresh digest; the meaning and the comment stay as they were entered."""
    order = _order(pk)
    form = SignReleaseForm(
        initial={
            "digest": digest(order.signed_content()),
            "meaning": signed["meaning"],
            "comment": signed["comment"],
        }
    )
    return _sign_dialog(request, order, form, changed=str(changed), status=409)


def _sign_dialog(
    request: HttpRequest,
    order: WorkOrder,
    form: SignReleaseForm,
    *,
    refused: str = "",
    changed: str = "",
    status: int = 200,
) -> HttpResponse:
    content = plain(order.signed_content())
    context = {
        "order": order,
        "form": form,
        "rows": content_rows(content),
        "canonical": canonical_json(content).decode(),
        # What the form carries: after a refusal the signer still sees what the posted digest stands for
        "digest": digest(content),
        "refused": refused,
        "changed": changed,
    }
    return _dialog(request, "sign", context, status=status)


def _dialog(request: HttpRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    template = f"production/_{name}_dialog.html"
    if not is_fragment(request, "modal-content"):
        return render(request, "production/dialog_page.html", context | {"dialog": template}, status=status)
    return render(request, template, context, status=status)


def _done(request: HttpRequest, order: WorkOrder, more: str = "") -> HttpResponse:
    said = " · ".join(filter(None, [_said(order), more]))
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


def _seal_words(order: WorkOrder) -> str:
    """The service has committed: a seal that comes late changes nothing about the signature."""
    signature = Signature.objects.get(pk=order.electronic_signature["signature_id"])  # type: ignore[index]
    return _("sealed") if wait_for_seal(signature) else _("pending seal")


def _refusal(refused: TransitionRefused) -> dict[str, Any]:
    edges = WORK_ORDER.by_name
    return {"text": str(refused), "allowed": [edges[name].label for name in refused.allowed if name in edges]}


VIEWS = {
    "plan": work_order_step,
    "resume": work_order_step,
    "complete": work_order_step,
    "hold": work_order_reason_step,
    "cancel": work_order_reason_step,
}
