"""Several records of the same step signed by one person at once: each shown whole, each an act of its own."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from audit.access import visible
from audit.canonical import plain
from audit.errors import DomainError, InvalidInput, SignatureRefused
from audit.policies import Round
from audit.signatures import ConfirmedIdentity, Signing
from audit.signing_forms import SignatureForm
from audit.transitions import Edge
from mfg_project.common.pages import allowed
from mfg_project.common.signing import Part, parts_of
from mfg_project.signing.views import SIGN
from production.models import WorkOrder
from production.queries.signing import WaitingOrder, orders_to_sign, step_label
from production.services.signing import SIGNED_STEPS, sign_work_order_step
from production.transitions import WORK_ORDER
from production.views.signed_content import ContentRow, content_rows

MOST = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """One record as the page shows it: everything that is signed, nothing folded away."""

    key: str
    name: str
    rows: list[ContentRow]
    digest: str
    number: int
    parts: list[Part]
    refused: str  # why this one is not signed
    checked: bool


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@allowed(SIGN)
def sign_together(request: HttpRequest) -> HttpResponse:
    """GET shows the records named in the address; POST signs those that are checked, as they were shown."""
    edge, keys = _edge(request), _keys(request)
    found = orders_to_sign(keys, edge)
    if request.method == "POST":
        _name_the_gone(request, keys, found)
    if not found:
        messages.info(request, _("Choose the records to sign together."))
        return redirect("signing:list")
    if request.method != "POST":
        return _drawn(request, edge, found, _form(request, edge, found), {})
    form = _form(request, edge, found, request.POST)
    chosen = [one for one in found if f"sign_{one.order.pk}" in request.POST]
    if not form.is_valid():
        return _drawn(request, edge, found, form, {}, status=422)
    if not chosen:
        form.add_error(None, _("Check at least one record."))
        return _drawn(request, edge, found, form, {}, status=422)
    try:
        identity = form.confirm()
    except SignatureRefused as refused:
        form.show_refusal(refused)
        return _drawn(request, edge, found, form, {}, status=422)
    return _sign_each(request, edge, found, chosen, form, identity)


def _name_the_gone(request: HttpRequest, keys: list[UUID], found: list[WaitingOrder]) -> None:
    """What was checked and does not wait any more: somebody else signed it, or it took another step."""
    gone = {key for key in keys if f"sign_{key}" in request.POST} - {one.order.pk for one in found}
    for order in visible(WorkOrder.objects.filter(pk__in=gone)):
        messages.error(
            request,
            _("%(number)s was not signed: its status is “%(status)s” now.")
            % {"number": order.work_order_number, "status": order.get_status_display()},
        )


def _sign_each(
    request: HttpRequest,
    edge: Edge,
    found: list[WaitingOrder],
    chosen: list[WaitingOrder],
    form: SignatureForm,
    identity: ConfirmedIdentity,
) -> HttpResponse:
    """One act and one transaction for each record; what changed since it was shown is refused and named."""
    signed, refusals = [], {}
    for one in chosen:
        try:
            sign_work_order_step(
                work_order_id=one.order.pk, step=edge.name, signing=_signing(request, one.order, form, identity)
            )
            signed.append(one.order.work_order_number)
        except DomainError as refused:
            refusals[one.order.pk] = str(refused)
    if signed:
        messages.success(
            request, _("%(step)s signed: %(records)s") % {"step": edge.label, "records": ", ".join(signed)}
        )
    if not refusals:
        return redirect("signing:list")
    left = orders_to_sign(list(refusals), edge)
    return _drawn(request, edge, left, _form(request, edge, left), refusals, status=409)


def _signing(request: HttpRequest, order: WorkOrder, form: SignatureForm, identity: ConfirmedIdentity) -> Signing:
    shown, _dot, number = request.POST.get(f"sign_{order.pk}", "").partition(".")
    if not number.isdecimal():
        raise InvalidInput(_("What was shown of this record did not come with the form."))
    entered = form.cleaned_data
    return Signing(
        identity=identity,
        meaning=entered["meaning"],
        comment=entered["comment"],
        digest=shown,
        step=int(number),
    )


def _edge(request: HttpRequest) -> Edge:
    name = (request.POST if request.method == "POST" else request.GET).get("step", "")
    return WORK_ORDER.by_name[name if name in SIGNED_STEPS else "release"]


def _keys(request: HttpRequest) -> list[UUID]:
    keys = []
    for text in (request.POST if request.method == "POST" else request.GET).getlist("record")[:MOST]:
        try:
            keys.append(UUID(text))
        except ValueError:
            continue  # no key of anything
    return keys


def _form(request: HttpRequest, edge: Edge, found: list[WaitingOrder], data: Any = None) -> SignatureForm:
    """One for all: with the meanings that every one of them allows, and without a digest, as each has its own."""
    common = [
        meaning for meaning in found[0].round.next.meanings if all(meaning in one.round.next.meanings for one in found)
    ]
    form = SignatureForm(data, request=request, meanings=common, needs_comment=_("Reason") if edge.needs_reason else "")
    del form.fields["digest"], form.fields["step"]
    return form


def _drawn(
    request: HttpRequest,
    edge: Edge,
    found: list[WaitingOrder],
    form: SignatureForm,
    refusals: dict[Any, str],
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        "records": [_shown(request, one, refusals.get(one.order.pk, "")) for one in found],
        "form": form,
        "step": edge.name,
        "title": step_label(edge),
    }
    return render(request, "signing/batch.html", context, status=status)


def _shown(request: HttpRequest, one: WaitingOrder, refused: str) -> Shown:
    rounds: dict[str, Round] = {one.edge.name: one.round}
    why = next(WORK_ORDER.refusals(one.order, one.edge, request.user, rounds), "")
    posted = request.method == "POST" and not refused
    return Shown(
        key=str(one.order.pk),
        name=one.order.work_order_number,
        rows=content_rows(plain(one.order.signed_content())),
        digest=one.round.digest,
        number=one.round.next.step,
        parts=parts_of(one.round) if len(one.round.policy.steps) > 1 else [],
        refused=refused or why,
        checked=f"sign_{one.order.pk}" in request.POST if posted else not (refused or why),
    )
