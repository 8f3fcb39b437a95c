"""What a person does for the own right to sign: read the statement, set up an authenticator app, choose a PIN."""

import time
from typing import Any
from uuid import UUID

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms import CodeForm, OwnSecretForm, PinForm
from accounts.models import SigningQualification
from accounts.requests import SignedIn
from accounts.services import authenticators, confirmations, pins, statements
from audit.admin_forms import posted, show_refusal
from audit.errors import DomainError

PENDING = "authenticator"  # key in the session: the encrypted key until its first code is right
MINUTES = 10


@require_safe
@never_cache
@login_required
def own(request: SignedIn) -> HttpResponse:
    """Everything a signature of this person rests on, and what is missing."""
    user = request.user
    statement = statements.in_force()
    context = {
        "why_not": user.why_not_sign(),
        "right": user.qualifications.filter(SigningQualification.valid_on(timezone.localdate())).last(),
        "statement": statement,
        "acknowledgement": user.acknowledgements.filter(statement=statement).first(),
        "signs_with": user.signs_with(),
        "lacks_second_factor": user.lacks_second_factor(),
        "temporary_code": user.temporary_code(),
        "provider": settings.OIDC_NAME,
    }
    return render(request, "accounts/own_signing.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def statement(request: SignedIn) -> HttpResponse:
    if request.method == "POST":
        try:
            statements.acknowledge(statement_id=_uuid(request.POST.get("statement", "")))
        except DomainError as refused:
            messages.error(request, str(refused))
            return redirect("accounts:statement")
        messages.success(request, _("Your acknowledgement is recorded."))
        return redirect("accounts:own-signing")
    shown = statements.in_force()
    context = {"statement": shown, "acknowledgement": request.user.acknowledgements.filter(statement=shown).first()}
    return render(request, "accounts/statement.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
@sensitive_post_parameters("password")
def authenticator(request: SignedIn) -> HttpResponse:
    """First the password, then the key, shown once with the form for its first code."""
    if request.user.totp_since:
        return redirect("accounts:own-signing")
    form = OwnSecretForm(posted(request), pin="pin" in request.user.signs_with())
    if form.is_valid():
        try:
            enrolment = authenticators.begin(request.user, password=form.cleaned_data["password"])
        except DomainError as refused:
            show_refusal(form, refused)
        else:
            request.session[PENDING] = {"key": enrolment.sealed, "at": int(time.time())}
            return _code_page(request, CodeForm(), enrolment=enrolment)
    return render(request, "accounts/authenticator.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
@never_cache
@login_required
def authenticator_code(request: SignedIn) -> HttpResponse:
    pending = request.session.get(PENDING)
    if pending is None or time.time() - pending["at"] > MINUTES * 60:
        messages.error(request, _("That took too long. Begin again."))
        return redirect("accounts:authenticator")
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            authenticators.finish(request.user, sealed=pending["key"], code=form.cleaned_data["code"])
        except DomainError as refused:
            show_refusal(form, refused)
        else:
            request.session.pop(PENDING)
            messages.success(request, _("From now on signing in and signing ask for a code of your app."))
            return redirect("accounts:own-signing")
    return _code_page(request, form, status=422)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
@sensitive_post_parameters("pin", "again")
def pin(request: SignedIn) -> HttpResponse:
    if not request.user.uses_provider:
        raise PermissionDenied(_("Your account has a password; it signs with that."))
    form = PinForm(posted(request))
    if form.is_valid():
        try:
            pins.set_own(request.user, form.cleaned_data["pin"])
        except DomainError as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("Your signing PIN is set."))
            return redirect("accounts:own-signing")
    context = {"form": form, "confirmed": confirmations.waiting(request.user), "provider": settings.OIDC_NAME}
    return render(request, "accounts/pin.html", context, status=422 if form.errors else 200)


def _code_page(request: HttpRequest, form: CodeForm, *, enrolment: Any = None, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"form": form}
    if enrolment is not None:
        drawn = segno.make_qr(enrolment.uri, error="m").svg_inline(
            omitsize=True, border=4, svgclass="qr", lineclass=None
        )
        groups = [enrolment.key[n : n + 4] for n in range(0, len(enrolment.key), 4)]
        context |= {"qr": mark_safe(drawn), "key": " ".join(groups)}  # noqa: S308 drawn from a code of our own
    return render(request, "accounts/authenticator_code.html", context, status=status)


def _uuid(text: str) -> UUID | None:
    """Compared only; what is no key is the key of nothing."""
    try:
        return UUID(text)
    except ValueError:
        return None
