"""Signature policies as the quality unit keeps them, and the windows in which people signed."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from audit.admin_base import AuditedAdmin, ReadOnlyAdmin
from audit.admin_forms import VersionedForm
from audit.meanings import Meaning
from audit.models import SignaturePolicy, SigningWindow
from audit.policies import role_words
from audit.policy_edits import MOST_SIGNATURES, create_policy, roles_that_sign, update_policy
from audit.transitions import signable_steps, step_words

NUMBERS = range(1, MOST_SIGNATURES + 1)


def _steps_without_policy() -> list[tuple[str, str]]:
    taken = set(SignaturePolicy.objects.values_list("record_label", "transition"))
    return [(":".join(key), step_words(*key)) for key in signable_steps() if key not in taken]


def _choice(label: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(label=label, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget)


SignatureChoices: Any = type(
    "SignatureChoices",
    (forms.Form,),
    {f"meanings_{n}": _choice(_("Meanings")) for n in NUMBERS} | {f"roles_{n}": _choice(_("Roles")) for n in NUMBERS},
)


class PolicyForm(VersionedForm, SignatureChoices):
    """The signatures one after the other, each with the meanings and roles to choose from."""

    record_step = forms.ChoiceField(label=_("Step"), widget=UnfoldAdminSelectWidget)

    class Meta:
        model = SignaturePolicy
        fields = ("author_may_sign", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = [] if self.instance._state.adding else self.instance.signatures
        roles = [(name, role_words([name])) for name in sorted(roles_that_sign())]
        for number in NUMBERS:
            known = now[number - 1] if number <= len(now) else {}
            for name, choices in (("meanings", Meaning.choices), ("roles", roles)):
                field = self.fields.get(f"{name}_{number}")
                if field is not None:  # not on a page that only shows
                    field.choices = choices  # type: ignore[attr-defined]
                    self.initial[f"{name}_{number}"] = known.get(name, [])
        if "record_step" in self.fields:
            self.fields["record_step"].choices = _steps_without_policy()  # type: ignore[attr-defined]
            self.fields["record_step"].required = self.instance._state.adding
            if not self.instance._state.adding:
                del self.fields["record_step"]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self._signatures = []
        ended = False
        for number in NUMBERS:
            meanings, roles = self._chosen(number)
            if meanings or roles:
                if ended:
                    raise ValidationError(_("Leave no gap: signature %(n)s is empty.") % {"n": number - 1})
                self._signatures.append({"meanings": meanings, "roles": roles})
            else:
                ended = True
        return cleaned

    def _chosen(self, number: int) -> tuple[list[str], list[str]]:
        return self.cleaned_data.get(f"meanings_{number}", []), self.cleaned_data.get(f"roles_{number}", [])

    def values(self) -> dict[str, Any]:
        values = super().values() | {"signatures": self._signatures}
        if "record_step" in self.cleaned_data:
            values["record_label"], values["transition"] = self.cleaned_data["record_step"].split(":")
        return values

    def changes(self) -> dict[str, Any]:
        changed = super().changes()
        changed.pop("signatures", None)
        return changed if self._signatures == self.instance.signatures else changed | {"signatures": self._signatures}


@admin.register(SignaturePolicy)
class SignaturePolicyAdmin(AuditedAdmin):
    form = PolicyForm
    list_display = ("what", "signatures_shown", "author_may_sign", "is_active", "version", "updated_by", "updated_at")
    list_filter = ("is_active",)
    list_select_related = ("updated_by",)
    ordering = ("record_label", "transition")

    def get_fieldsets(self, request: HttpRequest, obj: SignaturePolicy | None = None) -> Any:
        may_edit = obj is None or self.has_change_permission(request, obj)
        if not may_edit or getattr(request, "shows_the_past", False):
            own = [(None, {"fields": ("what", "signatures_shown", "author_may_sign", "is_active")})]
            return own + list(super().get_fieldsets(request, obj))[1:]
        first = ("what" if obj else "record_step", "author_may_sign", "is_active")
        signatures = [
            (_("Signature %(n)s") % {"n": number}, {"fields": ((f"meanings_{number}", f"roles_{number}"),)})
            for number in NUMBERS
        ]
        return [(None, {"fields": first}), *signatures, *list(super().get_fieldsets(request, obj))[1:]]

    def get_readonly_fields(self, request: HttpRequest, obj: SignaturePolicy | None = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "what", "signatures_shown")

    def create(self, values: dict[str, Any]) -> SignaturePolicy:
        return create_policy(**values)

    def update(self, *, pk: UUID, seen_version: int, reason: str, changes: dict[str, Any]) -> SignaturePolicy:
        return update_policy(policy_id=pk, expected_version=seen_version, reason=reason, **changes)

    @display(description=_("Step"))
    def what(self, obj: SignaturePolicy) -> str:
        return step_words(obj.record_label, obj.transition)

    @display(description=_("Signatures"))
    def signatures_shown(self, obj: SignaturePolicy) -> Any:
        lines = format_html_join("", "<div>{}</div>", ((line,) for line in obj.in_words(role_words)))
        return format_html("<div>{}</div>", lines)


@admin.register(SigningWindow)
class SigningWindowAdmin(ReadOnlyAdmin):
    list_display = ("user", "station", "opened_at", "last_used_at", "closed_at", "closed_why")
    list_filter = ("closed_why",)
    search_fields = ("user__username", "user__printed_name", "station")
    list_select_related = ("user",)
    ordering = ("-opened_at",)
    fields = ("user", "station", "opened_at", "last_used_at", "closed_at", "closed_why")
