"""Lost devices: taken out of use, and a temporary code in their place. For who may revoke them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import temporary
from accounts.models import DocumentClass, TemporaryCode, User
from accounts.refusals import stop
from accounts.services import authenticators, pins, temporary_codes
from accounts.services.authenticators import REVOKE
from accounts.services.temporary_codes import ISSUE, MOST_HOURS, SETS_PASSWORDS
from audit.admin_forms import show_refusal
from audit.errors import DomainError

SHIFT_HOURS = 8
FOUND_AT_MOST = 20
REVOKES = {
    "authenticator": (authenticators.revoke, gettext_lazy("Codes of %(name)s are worth nothing any more.")),
    "pin": (pins.revoke, gettext_lazy("Nothing is signed with the PIN of %(name)s any more.")),
    "code": (temporary_codes.revoke, gettext_lazy("The temporary code of %(name)s is worth nothing any more.")),
}


def may_revoke(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    return login_required(permission_required(REVOKE, raise_exception=True)(view))


class RevokeForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


class IssueForm(forms.Form):
    document_class = forms.ChoiceField(
        label=gettext_lazy("Document seen"),
        choices=[("", "—"), *DocumentClass.choices],
        help_text=gettext_lazy("The person stands before you, and you saw this document just now."),
    )
    hours = forms.IntegerField(
        label=gettext_lazy("Works for (hours)"), min_value=1, max_value=MOST_HOURS, initial=SHIFT_HOURS
    )
    once = forms.BooleanField(
        label=gettext_lazy("For one sign-in or one signature only"),
        required=False,
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


@require_safe
@never_cache
@may_revoke
def devices(request: HttpRequest) -> HttpResponse:
    """Whose device is lost now, or whoever is asked for by name."""
    asked = request.GET.get("q", "").replace("\0", "").strip()[:100]
    rows = list(_found(asked)[: FOUND_AT_MOST + 1])
    context = {
        "search": asked,
        "rows": [{"account": user, "code": user.temporary_code()} for user in rows[:FOUND_AT_MOST]],
        "is_cut": len(rows) > FOUND_AT_MOST,
        "at_most": FOUND_AT_MOST,
    }
    return render(request, "accounts/devices.html", context)


@require_safe
@never_cache
@may_revoke
def device(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _page(request, get_object_or_404(_people(), pk=pk))


@require_POST
@never_cache
@may_revoke
def revoke(request: HttpRequest, pk: UUID, what: str) -> HttpResponse:
    if what not in REVOKES:
        raise Http404
    user = get_object_or_404(_people(), pk=pk)
    service, done = REVOKES[what]
    form = RevokeForm(request.POST, auto_id=f"id_{what}_%s")
    if form.is_valid():
        try:
            service(user_id=user.pk, reason=form.cleaned_data["reason"])
        except DomainError as refused:
            stop(refused)
            show_refusal(form, refused)
        else:
            messages.success(request, done % {"name": user.get_username()})
            return redirect("accounts:device", pk=user.pk)
    return _page(request, user, **{what: form}, status=422)


@require_POST
@never_cache
@may_revoke
def issue(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The answer is the only place where the code is ever seen."""
    user = get_object_or_404(_people(), pk=pk)
    form = IssueForm(request.POST)
    if form.is_valid():
        try:
            issued = temporary_codes.issue(user_id=user.pk, **form.cleaned_data)
        except DomainError as refused:
            stop(refused)
            show_refusal(form, refused)
        else:
            context = {"account": user, "code": temporary.grouped(issued.code), "row": issued.row}
            return render(request, "accounts/temporary_code.html", context)
    return _page(request, user, issue=form, status=422)


def _people() -> QuerySet[User]:
    return User.objects.filter(is_person=True)


def _found(asked: str) -> QuerySet[User]:
    people = _people().filter(is_active=True).order_by("printed_name", "pk")
    if not asked:
        return people.filter(totp_since=None, totp_step__gt=0)
    for word in asked.split():
        people = people.filter(Q(printed_name__icontains=word) | Q(username__icontains=word))
    return people


def _page(request: HttpRequest, account: User, *, status: int = 200, **forms_filled: Any) -> HttpResponse:
    """Every form that would be refused is left out, with why."""
    own = account.pk == request.user.pk
    standing: TemporaryCode | None = account.temporary_code()
    may_issue = request.user.has_perm(ISSUE) and not request.user.has_perm(SETS_PASSWORDS)
    context = {
        "account": account,
        "own": own,
        "standing": standing,
        "why_none": temporary_codes.why_none(account),
        "may_issue": may_issue,
        "issue": forms_filled.get("issue", IssueForm()),
        **{what: forms_filled.get(what, RevokeForm(auto_id=f"id_{what}_%s")) for what in REVOKES},
    }
    return render(request, "accounts/device.html", context, status=status)
