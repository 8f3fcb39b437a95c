from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from accounts.current_session import session_of


class CurrentSessionMiddleware:
    """Tells services which session a confirmation belongs to."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with session_of(request.session.session_key):
            return self.get_response(request)


class PasswordDueMiddleware:
    """Whose password is due for a change gets to the page that changes it, and nowhere else."""

    ELSEWHERE = ("/health", "/i18n/", "/accounts/logout/", "/accounts/login/", "/accounts/reset/")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        page = reverse("accounts:password-change")
        free = request.path == page or request.path.startswith(self.ELSEWHERE)
        if free or not (request.user.is_authenticated and request.user.password_is_due()):
            return self.get_response(request)
        text = _("Change your password first: it is too old, or somebody else set it.")
        if request.path.startswith("/api/"):
            raise PermissionDenied(text)
        if getattr(request, "htmx", False):
            return HttpResponseClientRedirect(page)
        messages.warning(request, text)
        return redirect(page)
