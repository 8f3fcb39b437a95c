"""Several records of the same step signed by one person at once: each shown whole, each an act of its own."""

from dataclasses import dataclass, replace
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
from mfg_project.signing.choices import Choice, address_of, choice_of
from mfg_project.signing.views import SIGN
from production.models import WorkOrder
from production.queries.signing import WaitingOrder, orders_to_sign, step_label
from production.services.signing import SIGNED_STEPS, sign_work_order_step
from production.transitions import WORK_ORDER
from production.views.signed_content import ContentRow, content_rows


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
    may_be_signed: bool  # also after a refusal, once it is read again
    changed: bool  # since it was chosen: it has to be read and checked again
    checked: bool


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@allowed(SIGN)
def sign_together(request: HttpRequest) -> HttpResponse:
    """GET shows the records named in the address; POST signs those that are checked, as they were shown."""
    choice = choice_of(request)
    edge = WORK_ORDER.by_name[choice.step if choice.step in SIGNED_STEPS else "release"]
    found = orders_to_sign(choice.keys, edge)
    _name_the_gone(request, choice, found)
    if not found:
        messages.info(request, _("Choose the records to sign together."))
        return redirect("signing:list")
    page = _Page(request, edge, choice)
    if request.method != "POST":
        return page.drawn(found, page.form(found))
    form = page.form(found, request.POST)
    chosen = [one for one in found if str(one.order.pk) in choice.shown]
    if not form.is_valid():
        return page.drawn(found, form, status=422)
    if not chosen:
        form.add_error(None, _("Check at least one record."))
        return page.drawn(found, form, status=422)
    try:
        identity = form.confirm()
    except SignatureRefused as refused:
        form.show_refusal(refused)
        return page.drawn(found, form, status=422)
    return page.sign_each(chosen, form, identity)


def _name_the_gone(request: HttpRequest, choice: Choice, found: list[WaitingOrder]) -> None:
    """What was checked and does not wait any more: somebody else signed it, or it took another step."""
    gone = {UUID(key) for key in choice.shown} - {one.order.pk for one in found}
    for order in visible(WorkOrder.objects.filter(pk__in=gone)):
        messages.error(
            request,
            _("%(number)s was not signed: its status is “%(status)s” now.")
            % {"number": order.work_order_number, "status": order.get_status_display()},
        )


@dataclass(frozen=True, slots=True)
class _Page:
    request: HttpRequest
    edge: Edge
    choice: Choice

    def form(self, found: list[WaitingOrder], data: Any = None) -> SignatureForm:
        """One for all: with the meanings that every one of them allows, without a digest, as each has its own."""
        first, *others = [one.round.next.meanings for one in found]
        common = [meaning for meaning in first if all(meaning in meanings for meanings in others)]
        reason = _("Reason") if self.edge.needs_reason else ""
        entered = {"meaning": self.choice.meaning, "comment": self.choice.comment}
        initial = {name: value for name, value in entered.items() if value}
        form = SignatureForm(data, request=self.request, meanings=common, needs_comment=reason, initial=initial)
        del form.fields["digest"], form.fields["step"]
        return form

    def sign_each(self, chosen: list[WaitingOrder], form: SignatureForm, identity: ConfirmedIdentity) -> HttpResponse:
        """One act and one transaction for each record; what changed since it was shown is refused and named."""
        signed, refusals = [], {}
        for one in chosen:
            try:
                signing = self._signing(one.order, form, identity)
                sign_work_order_step(work_order_id=one.order.pk, step=self.edge.name, signing=signing)
                signed.append(one.order.work_order_number)
            except DomainError as refused:
                refusals[one.order.pk] = str(refused)
        if signed:
            messages.success(
                self.request,
                _("%(step)s signed: %(records)s") % {"step": self.edge.label, "records": ", ".join(signed)},
            )
        if not refusals:
            return redirect("signing:list")
        left = orders_to_sign(list(refusals), self.edge)
        return self.drawn(left, self.form(left), refusals, status=409)

    def _signing(self, order: WorkOrder, form: SignatureForm, identity: ConfirmedIdentity) -> Signing:
        shown, _dot, number = self.choice.shown[str(order.pk)].partition(".")
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

    def drawn(
        self, found: list[WaitingOrder], form: SignatureForm, refusals: Any = None, *, status: int = 200
    ) -> HttpResponse:
        if form.is_bound and form.at_provider:
            form.comes_back_to = address_of(self.request, self._as_entered(found, form))
        context = {
            "records": [self._shown(one, (refusals or {}).get(one.order.pk, "")) for one in found],
            "form": form,
            "step": self.edge.name,
            "title": step_label(self.edge),
        }
        return render(self.request, "signing/batch.html", context, status=status)

    def _as_entered(self, found: list[WaitingOrder], form: SignatureForm) -> Choice:
        return replace(
            self.choice,
            records=[str(one.order.pk) for one in found],
            meaning=form["meaning"].value() or "",
            comment=form["comment"].value() or "",
        )

    def _shown(self, one: WaitingOrder, refused: str) -> Shown:
        rounds: dict[str, Round] = {one.edge.name: one.round}
        why = next(WORK_ORDER.refusals(one.order, one.edge, self.request.user, rounds), "")
        shown, number = self.choice.shown.get(str(one.order.pk)), one.round.next.step
        is_same = shown == f"{one.round.digest}.{number}"
        return Shown(
            key=str(one.order.pk),
            name=one.order.work_order_number,
            rows=content_rows(plain(one.order.signed_content())),
            digest=one.round.digest,
            number=number,
            parts=parts_of(one.round) if len(one.round.policy.steps) > 1 else [],
            refused=refused or why,
            may_be_signed=not why,
            changed=not (refused or why) and shown is not None and not is_same,
            checked=not (refused or why) and (is_same or self.choice.is_first),
        )
