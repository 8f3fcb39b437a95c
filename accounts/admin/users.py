from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.filters import EmptyFieldListFilter
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminPasswordWidget

from accounts import access_review
from accounts.models import User
from accounts.roles import ROLES
from accounts.services import authenticators, locks, passwords, pins, users
from accounts.services.authenticators import REVOKE
from accounts.services.locks import UNLOCK
from audit.admin_base import ServiceAdmin
from audit.admin_forms import ReasonForm, ServiceForm, change_reason_field, posted, step_page

admin.site.unregister(Group)  # roles are accounts/roles.py, reviewed and versioned; nobody edits them by hand

CHANGE = "accounts.change_user"
REVIEW = "accounts.view_user"

SEEN = ("totp_since", "pin_changed_at", "locked_at", "last_login", "date_joined")

# Rows of floors above on the page of a user; their admin modules add to it. Saved by the admin of their own model.
USER_INLINES: list[type[InlineModelAdmin]] = []


def _password(label: Any, *, required: bool = True, **kwargs: Any) -> forms.CharField:
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, strip=False, required=required, widget=widget, **kwargs)


class UserForm(ServiceForm):
    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        choices=lambda: [(role.name, role.label) for role in ROLES],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    change_reason = change_reason_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            del self.fields["change_reason"]
        else:
            self.initial["roles"] = [role.name for role in self.instance.roles()]


class UserAddForm(UserForm):
    password = _password(_("Password"), required=False, help_text=_("Empty: the account cannot sign in."))


class PasswordForm(forms.Form):
    password = _password(_("New password"))
    again = _password(_("New password again"))

    def clean(self) -> dict[str, Any]:
        entered = super().clean() or {}
        if entered.get("password") != entered.get("again"):
            raise ValidationError(_("The two passwords differ."))
        return entered


@admin.register(User)
class UserAdmin(ServiceAdmin):
    list_display = ("username", "printed_name", "roles_shown", "is_person", "is_active", "locked_at", "last_login")
    list_filter = (
        "groups",
        "is_person",
        "is_station",
        "is_active",
        "is_superuser",
        "uses_provider",
        ("locked_at", EmptyFieldListFilter),
        ("totp_since", EmptyFieldListFilter),
    )
    search_fields = ("username", "printed_name", "email")
    ordering = ("username",)
    form = UserForm
    actions_list = ("access_review",)
    actions_detail = ("new_password", "password_link", "unlock", "revoke_authenticator", "revoke_pin")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return USER_INLINES if obj else []

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        provider = ("uses_provider",) if settings.OIDC_ISSUER or (obj and obj.uses_provider) else ()
        if obj is None:
            return ("username", "printed_name", "email", "is_person", "is_station", *provider, "roles", "password")
        roles = "roles" if self.has_change_permission(request, obj) else "roles_shown"
        fields = ["username", "printed_name", "email", "is_person", "is_station", *provider, roles]
        fields += ["is_active", "is_superuser"]
        reason = ("change_reason",) if self.has_change_permission(request, obj) else ()
        return (*fields, *SEEN, *reason)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return ()
        only_theirs = () if request.user.is_superuser else ("is_superuser",)
        return ("username", *SEEN, "roles_shown", *only_theirs)

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs | ({} if obj else {"form": UserAddForm}))

    def save_model(self, request: HttpRequest, obj: User, form: UserForm, change: bool) -> None:
        entered = form.cleaned_data
        if change:
            users.update_user(user_id=obj.pk, roles=entered["roles"], reason=entered["change_reason"], **form.changes())
        else:
            saved = users.create_user(**form.values() | {"roles": entered["roles"]})
            obj.pk, obj._state.adding = saved.pk, False

    @display(description=_("Roles"))
    def roles_shown(self, obj: User) -> str:
        return ", ".join(str(role.label) for role in obj.roles()) or "—"

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        may = self._may(request, self.get_object(request, object_id))
        return [
            action
            for action in super().get_actions_detail(request, object_id)
            if next((allowed for name, allowed in may.items() if action.action_name.endswith(name)), False)
        ]

    def _may(self, request: HttpRequest, user: User | None) -> dict[str, bool]:
        """Buttons that would be refused are not there."""
        if user is None:
            return {}
        may_change = request.user.has_perm(CHANGE) and not user.uses_provider
        another = user.pk != request.user.pk
        may_revoke = request.user.has_perm(REVOKE) and another
        return {
            "new_password": may_change,
            "password_link": may_change,
            "unlock": request.user.has_perm(UNLOCK) and another and user.locked_at is not None,
            "revoke_authenticator": may_revoke and user.totp_since is not None,
            "revoke_pin": may_revoke and bool(user.signing_pin),
        }

    @action(description=_("Access review (CSV)"), url_path="access-review", icon="fact_check")
    def access_review(self, request: HttpRequest) -> HttpResponse:
        self.must_hold(request, REVIEW)
        name = f"access-review-{timezone.localdate()}.csv"
        return HttpResponse(
            access_review.as_csv(),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @action(description=_("Revoke the authenticator app"), url_path="revoke-authenticator", icon="phonelink_erase")
    def revoke_authenticator(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.record(request, object_id, permission=REVOKE)
        return step_page(
            request,
            self,
            form=ReasonForm(posted(request)),
            act=lambda entered: authenticators.revoke(user_id=user.pk, reason=entered["reason"]),
            title=_("Revoke the authenticator app of %(name)s") % {"name": user.get_username()},
            button=_("Revoke"),
            done=_("Codes of %(name)s are worth nothing any more.") % {"name": user.get_username()},
            back=self.page_of(user),
        )

    @action(description=_("Revoke the signing PIN"), url_path="revoke-pin", icon="pin_end")
    def revoke_pin(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.record(request, object_id, permission=REVOKE)
        return step_page(
            request,
            self,
            form=ReasonForm(posted(request)),
            act=lambda entered: pins.revoke(user_id=user.pk, reason=entered["reason"]),
            title=_("Revoke the signing PIN of %(name)s") % {"name": user.get_username()},
            button=_("Revoke"),
            done=_("Nothing is signed with the PIN of %(name)s any more.") % {"name": user.get_username()},
            back=self.page_of(user),
        )

    @action(description=_("Unlock"), url_path="unlock", icon="lock_open")
    def unlock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.record(request, object_id, permission=UNLOCK)
        return step_page(
            request,
            self,
            form=ReasonForm(posted(request)),
            act=lambda entered: locks.unlock(user_id=user.pk, reason=entered["reason"]),
            title=_("Unlock %(name)s") % {"name": user.get_username()},
            button=_("Unlock"),
            done=_("%(name)s can sign in again.") % {"name": user.get_username()},
            back=self.page_of(user),
        )

    @action(description=_("Set a new password"), url_path="password", icon="key")
    def new_password(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.record(request, object_id, permission=CHANGE)
        return step_page(
            request,
            self,
            form=PasswordForm(posted(request)),
            act=lambda entered: passwords.set_password(user_id=user.pk, password=entered["password"]),
            title=_("A new password for %(name)s") % {"name": user.get_username()},
            button=_("Set the password"),
            done=_("%(name)s has a new password; open sessions have ended.") % {"name": user.get_username()},
            back=self.page_of(user),
        )

    @action(description=_("Send a link for a new password"), url_path="password-link", icon="forward_to_inbox")
    def password_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.record(request, object_id, permission=CHANGE)
        return step_page(
            request,
            self,
            form=forms.Form(posted(request)),
            act=lambda _entered: passwords.send_link(user_id=user.pk),
            title=_("Send %(name)s a link for a new password") % {"name": user.get_username()},
            button=_("Send the link"),
            done=_("A link is on its way to %(name)s; it works once, for 24 hours.") % {"name": user.get_username()},
            back=self.page_of(user),
        )
