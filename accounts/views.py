"""Signing in and out, the password, and the demo's start page."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import provider, second_step
from accounts.forms import LinkPasswordForm, LoginForm, OwnPasswordForm
from accounts.models import User
from accounts.roles import ROLES
from accounts.services import sign_in

HOME_PAGES = {"operator": "production:terminal"}  # by role; everybody else starts at the board
BOARD = "production:board"


class LoginView(auth_views.LoginView):
    template_name = "accounts/login.html"
    authentication_form = LoginForm

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        if form.get_user().is_api_only():
            return pages_refused(self.request)
        return super().form_valid(form)  # gives the session a new key: one planted before is worth nothing

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        half_way = getattr(self.request, "code_needed_of", None)
        if half_way is not None:
            return second_step.begin(self.request, half_way, next_page=self.get_success_url())
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(provider=settings.OIDC_NAME if provider.is_configured() else "", **kwargs)


class PasswordChangeView(auth_views.PasswordChangeView):
    form_class = OwnPasswordForm
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("accounts:password-change-done")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and request.user.uses_provider:
            return redirect("accounts:own-signing")  # has no password here
        return super().dispatch(request, *args, **kwargs)

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class PasswordLinkView(auth_views.PasswordResetConfirmView):
    """Behind the link of a message: works once, for 24 hours, and not once the password is another one."""

    template_name = "accounts/password_link.html"
    success_url = reverse_lazy("accounts:login")
    form_class = LinkPasswordForm

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active and not user.uses_provider else None

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        messages.success(self.request, _("The new password is set. Sign in with it."))
        return super().form_valid(form)

    def form_invalid(self, form: SetPasswordForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(_first_page(request.user))
    if settings.DEMO:
        return render(request, "accounts/start.html", {"roles": _demo_roles()})
    return redirect("accounts:login")


@never_cache
def admin_login(request: HttpRequest) -> HttpResponse:
    """Where the admin sends whom it does not let in: to the login, or to an explanation when signed in already."""
    if request.user.is_authenticated and not request.user.is_staff:
        reason = _("The administration is for inspectors, quality managers, planners, auditors and administrators.")
        return render(request, "403.html", {"reason": reason}, status=403)
    target = request.GET.get("next", reverse("admin:index"))
    return redirect_to_login(target)


@require_POST
@never_cache
def demo_login(request: HttpRequest) -> HttpResponse:
    """One button a role, without a password: only where the plant is a toy."""
    role = request.POST.get("role", "")
    if not settings.DEMO or role not in {known.name for known in _demo_roles()}:
        raise Http404
    user = User.objects.filter(username=role, is_active=True).first()
    if user is None:
        messages.error(request, _("The demo plant is not loaded yet: there is no user “%(role)s”.") % {"role": role})
    elif user.locked_at:
        messages.error(request, _("This account is locked. Another person has to unlock it."))
    else:
        sign_in.note_signed_in(user)
        login(request, user, backend=second_step.BACKEND)
    return redirect("home")


def _demo_roles() -> list:
    return [role for role in ROLES if not role.api_only]


def _first_page(user: User) -> str:
    name = next((HOME_PAGES[role.name] for role in user.roles() if role.name in HOME_PAGES), BOARD)
    return reverse(name)


def pages_refused(request: HttpRequest) -> HttpResponse:
    reason = _("This account is for programs: it gets tokens for the API, but no pages.")
    return render(request, "403.html", {"reason": reason}, status=403)
