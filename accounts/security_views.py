"""Locked accounts, and everything urgent that was told: for whoever may open accounts again."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.refusals import stop
from accounts.services import locks
from accounts.services.sign_in import ACCOUNT_LOCKED
from audit import outbox
from audit.errors import DomainError
from audit.models import Outbox

MESSAGES_SHOWN = 50


class UnlockForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


@require_safe
@never_cache
@login_required
def security(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
@login_required
def unlock(request: HttpRequest, pk: UUID) -> HttpResponse:
    _may(request)
    form = UnlockForm(request.POST)
    if form.is_valid():
        try:
            user = locks.unlock(user_id=pk, reason=form.cleaned_data["reason"])
        except DomainError as refused:
            stop(refused)
            form.add_error("reason", str(refused))
        else:
            messages.success(request, _("%(name)s can sign in again.") % {"name": user.get_username()})
            return redirect("accounts:security")
    return _page(request, asked=pk, form=form, status=422)


@require_POST
@login_required
def acknowledge(request: HttpRequest, pk: UUID) -> HttpResponse:
    try:
        locks.acknowledge(message_id=pk)
    except DomainError as refused:
        stop(refused)
    return redirect("accounts:security")


def _page(request: HttpRequest, *, asked: UUID | None = None, form: Any = None, status: int = 200) -> HttpResponse:
    _may(request)
    locked = User.objects.exclude(locked_at=None).order_by("-locked_at")
    context = {
        "locked": [
            {
                "account": account,
                "own": account.pk == request.user.pk,
                "form": form if account.pk == asked else UnlockForm(auto_id=f"id_{account.pk}_%s"),
            }
            for account in locked
        ],
        "waiting": [_notice(message) for message in outbox.waiting()[:MESSAGES_SHOWN]],
    }
    return render(request, "accounts/security.html", context, status=status)


def _notice(message: Outbox) -> dict[str, Any]:
    """A lock as facts, anything else as it was told."""
    is_lock = message.kind == ACCOUNT_LOCKED
    told = None if is_lock else outbox.composed(message)
    return {"message": message, "is_lock": is_lock, "told": told}


def _may(request: HttpRequest) -> None:
    if not request.user.has_perm(locks.UNLOCK):
        raise PermissionDenied
