"""Signing a step of an order: what is signed first, then what it means, then who signs."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.canonical import plain
from audit.models import Signature, SignaturePolicy
from audit.policies import Round, role_words
from audit.seal_wait import wait_for_seal
from audit.signing_forms import SignatureForm
from audit.transitions import Edge
from mfg_project.common.pages import done_in_dialog, is_fragment
from mfg_project.common.signing import NotSigned, SignDialog, parts_of, sign_with, signature_form
from production.models import WorkOrder
from production.queries.order_history import order_for_page
from production.queries.signing import step_label
from production.services.signing import require_part, sign_work_order_step
from production.transitions import CANCEL, WORK_ORDER
from production.views.signed_content import content_rows


def sign_step(request: HttpRequest, order: WorkOrder, edge: Edge, policy: SignaturePolicy | None) -> HttpResponse:
    """The dialog of a step that a policy asks signatures for, or that is always signed."""
    require_part(request.user, edge, policy)
    asked = WORK_ORDER.rounds(order).get(edge.name)
    if request.method == "POST" and asked is None:
        WORK_ORDER.tried(order, edge)
    if request.method != "POST" or asked is None:
        return _opened(request, order, edge, asked)
    form = signature_form(request, asked, needs_reason=edge.needs_reason, data=request.POST)
    outcome = sign_with(
        form,
        asked,
        lambda signing: sign_work_order_step(work_order_id=order.pk, step=edge.name, signing=signing),
    )
    if not isinstance(outcome, NotSigned):
        return _done(request, edge, asked, *outcome)
    if outcome.changed:
        kept = {"comment": form.cleaned_data["comment"], "meaning": form.cleaned_data["meaning"]}
        now = order_for_page(order.pk) or order  # read anew
        return _opened(request, now, edge, WORK_ORDER.rounds(now).get(edge.name), changed=outcome.changed, kept=kept)
    return _drawn(request, order, _dialog(order, edge, asked, form, refused=outcome.refused), status=outcome.status)


def _opened(
    request: HttpRequest, order: WorkOrder, edge: Edge, asked: Round | None, *, changed: str = "", kept: Any = None
) -> HttpResponse:
    rounds = {edge.name: asked} if asked else {}
    refused = next(WORK_ORDER.refusals(order, edge, request.user, rounds), "")
    form = signature_form(request, asked, needs_reason=edge.needs_reason, kept=kept) if asked else None
    dialog = _dialog(order, edge, asked, form, refused=refused, changed=changed)
    return _drawn(request, order, dialog, status=409 if refused or changed else 200)


def _dialog(
    order: WorkOrder, edge: Edge, asked: Round | None, form: SignatureForm | None, *, refused: str, changed: str = ""
) -> SignDialog:
    content = plain(order.signed_content())
    takes = asked is None or asked.is_last
    return SignDialog(
        title=step_label(edge) if takes else _("Sign: %(step)s") % {"step": edge.label},
        subject=order.work_order_number,
        button=step_label(edge) if takes else _("Sign"),
        rows=content_rows(content),
        content=content,
        form=form,
        parts=parts_of(asked),
        refused=refused,
        changed=changed,
        is_danger=edge is CANCEL and takes,
    )


def _drawn(request: HttpRequest, order: WorkOrder, dialog: SignDialog, *, status: int) -> HttpResponse:
    context = {"dialog": dialog, "back": reverse("production:work-order-detail", args=[order.pk])}
    if is_fragment(request, "modal-content"):
        return render(request, "components/sign_dialog.html", context, status=status)
    return render(request, "production/sign_page.html", context, status=status)


def _done(request: HttpRequest, edge: Edge, asked: Round, order: WorkOrder, signature: Signature) -> HttpResponse:
    said = " · ".join([_said(edge, asked, order), seal_words(signature)])
    if is_fragment(request, "modal-content"):
        return done_in_dialog(said)
    messages.success(request, said)
    return redirect("production:work-order-detail", pk=order.pk)


def _said(edge: Edge, asked: Round, order: WorkOrder) -> str:
    if asked.is_last:
        return _("%(number)s: %(status)s") % {"number": order.work_order_number, "status": order.get_status_display()}
    after = asked.missing[1]
    return _("%(number)s is signed; it waits for: %(roles)s") % {
        "number": order.work_order_number,
        "roles": role_words(after.roles),
    }


def seal_words(signature: Signature) -> str:
    """The service has committed: a seal that comes late changes nothing about the signature."""
    return _("sealed") if wait_for_seal(signature) else _("pending seal")
