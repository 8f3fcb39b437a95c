"""The way to the provider and back: to sign in, and to confirm anew who signs (accounts/services/confirmations.py)."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import provider
from accounts.requests import SignedIn
from accounts.second_step import BACKEND
from accounts.services import provider_sign_in
from accounts.services.sign_in import Deactivated
from accounts.views import pages_refused
from audit.errors import DomainError

MEMORY = "provider"  # key in the session


@require_safe
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """A link and no form: the content security policy lets forms go to this host only."""
    return _leave(request, purpose="sign_in", on_failure=settings.LOGIN_URL)


@require_safe
@never_cache
@login_required
def confirm(request: SignedIn) -> HttpResponse:
    if not request.user.uses_provider:
        raise Http404
    return _leave(request, purpose="confirm", on_failure=_next(request))


@require_safe
@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """An answer is looked at once: what the session remembered is gone, whatever it says."""
    memory = request.session.pop(MEMORY, None)
    if not provider.is_configured():
        raise Http404
    if memory is None:
        messages.error(request, _("Nobody here has asked the provider. Begin again."))
        return redirect(settings.LOGIN_URL)
    if memory["purpose"] == "confirm":
        return _confirmed(request, memory)
    return _signed_in(request, memory)


def _leave(request: HttpRequest, *, purpose: str, on_failure: str) -> HttpResponse:
    if not provider.is_configured():
        raise Http404
    try:
        url, memory = provider.begin(
            redirect_uri=request.build_absolute_uri(reverse("accounts:provider-callback")), anew=purpose == "confirm"
        )
    except DomainError as refused:
        messages.error(request, str(refused))
        return redirect(on_failure)
    user = str(request.user.pk) if purpose == "confirm" else ""
    request.session[MEMORY] = memory | {"purpose": purpose, "next": _next(request), "user": user}
    return redirect(url)


def _signed_in(request: HttpRequest, memory: dict[str, Any]) -> HttpResponse:
    try:
        user = provider_sign_in.sign_in(provider.finish(memory=memory, answer=request.GET.dict()))
    except Deactivated:
        messages.error(request, _("This account is deactivated. An administrator can activate it again."))
    except DomainError as refused:
        messages.error(request, str(refused))
    else:
        if user.is_api_only():
            return pages_refused(request)
        login(request, user, backend=BACKEND)
        return redirect(memory["next"])
    return redirect(settings.LOGIN_URL)


def _confirmed(request: HttpRequest, memory: dict[str, Any]) -> HttpResponse:
    user = request.user
    if not user.is_authenticated or str(user.pk) != memory["user"]:
        messages.error(request, _("Somebody else has signed in meanwhile. Begin again."))
        return redirect(settings.LOGIN_URL)
    try:
        try:
            claims = provider.finish(memory=memory, answer=request.GET.dict())
        except provider.ProviderRefused as refused:
            provider_sign_in.refuse(user, str(refused))
        else:
            asked_at = dt.datetime.fromtimestamp(memory["at"], dt.UTC)
            provider_sign_in.confirm(user, claims, asked_at=asked_at)
    except DomainError as refused:
        messages.error(request, str(refused))
    return redirect(memory["next"])


def _next(request: HttpRequest) -> str:
    wanted = request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else resolve_url(settings.LOGIN_REDIRECT_URL)
