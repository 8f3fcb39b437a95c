from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminPasswordWidget

from accounts.models import User
from accounts.roles import ROLES
from accounts.services import users
from audit.admin_base import ServiceAdmin
from audit.admin_forms import ServiceForm, change_reason_field, posted, step_page

admin.site.unregister(Group)  # roles are accounts/roles.py, reviewed and versioned; nobody edits them by hand

CHANGE = "accounts.change_user"

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
    list_display = ("username", "printed_name", "roles_shown", "is_person", "is_active", "is_superuser", "last_login")
    list_filter = ("groups", "is_person", "is_active", "is_superuser")
    search_fields = ("username", "printed_name", "email")
    ordering = ("username",)
    form = UserForm
    actions_detail = ("new_password",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return USER_INLINES if obj else []

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return ("username", "printed_name", "email", "is_person", "roles", "password")
        roles = "roles" if self.has_change_permission(request, obj) else "roles_shown"
        fields = ["username", "printed_name", "email", "is_person", roles, "is_active", "is_superuser"]
        reason = ("change_reason",) if self.has_change_permission(request, obj) else ()
        return (*fields, "last_login", "date_joined", *reason)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return ()
        only_theirs = () if request.user.is_superuser else ("is_superuser",)
        return ("username", "last_login", "date_joined", "roles_shown", *only_theirs)

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
        return super().get_actions_detail(request, object_id) if request.user.has_perm(CHANGE) else []

    @action(description=_("Set a new password"), url_path="password", icon="key")
    def new_password(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.record(request, object_id, permission=CHANGE)
        return step_page(
            request,
            self,
            form=PasswordForm(posted(request)),
            act=lambda entered: users.set_password(user_id=user.pk, password=entered["password"]),
            title=_("A new password for %(name)s") % {"name": user.get_username()},
            button=_("Set the password"),
            done=_("%(name)s has a new password; open sessions have ended.") % {"name": user.get_username()},
            back=self.page_of(user),
        )
