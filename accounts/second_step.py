"""Between a right password and the code of the authenticator app: nobody is signed in yet."""

import time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.forms import CodeForm
from accounts.models import User
from accounts.services import sign_in
from audit.admin_forms import posted

BACKEND = "accounts.backends.PasswordBackend"
HALF_WAY = "half_signed_in"  # key in the session
MINUTES = 5


def begin(request: HttpRequest, user: User, *, next_page: str) -> HttpResponse:
    request.session.cycle_key()  # one planted before is worth nothing
    request.session[HALF_WAY] = {
        "user": str(user.pk),
        "password": user.get_session_auth_hash(),
        "at": int(time.time()),
        "next": next_page,
    }
    return redirect("accounts:login-code")


@require_http_methods(["GET", "POST"])
@never_cache
def code(request: HttpRequest) -> HttpResponse:
    half_way = request.session.get(HALF_WAY)
    if half_way is None or time.time() - half_way["at"] > MINUTES * 60:
        request.session.pop(HALF_WAY, None)
        return redirect(settings.LOGIN_URL)
    temporary = _device_of(half_way) == "temporary"
    form = CodeForm(posted(request), temporary=temporary)
    context = {"form": form, "temporary": temporary}
    if not form.is_valid():
        return render(request, "accounts/login_code.html", context, status=422 if form.is_bound else 200)
    user = _checked(half_way, form.cleaned_data["code"])
    if user is None:
        form.add_error("code", _("This code is not right, or was used before. Wrong ones count as wrong passwords do."))
        return render(request, "accounts/login_code.html", context, status=422)
    request.session.pop(HALF_WAY)
    login(request, user, backend=BACKEND)
    return redirect(half_way["next"])


def _device_of(half_way: dict[str, Any]) -> str:
    user = User.objects.filter(pk=half_way["user"]).first()
    return user.device() if user else ""


def _checked(half_way: dict[str, Any], typed: str) -> User | None:
    try:
        return sign_in.authenticate_code(UUID(half_way["user"]), typed, password_seal=half_way["password"])
    except sign_in.Deactivated:
        return None
