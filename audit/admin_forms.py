"""How the admin asks a service: what was typed goes in, a refusal comes back into the form."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.errors import DomainError
from audit.signing_forms import SignatureForm, TypedAnew

WRONG_INPUT = 422


def posted(request: HttpRequest) -> Any:
    """What a form is bound to: a POST counts even when it carries no field (a step that asks nothing)."""
    return request.POST if request.method == "POST" else None


def show_refusal(form: forms.BaseForm, refused: DomainError) -> None:
    """In one sentence above the form, and beside the fields it names."""
    if isinstance(form, SignatureForm):
        form.show_refusal(refused)
        return
    named = {_field_of(form, name): str(text) for name, text in getattr(refused, "fields", {}).items()}
    shown = {name: text for name, text in named.items() if name in form.fields}
    if str(refused) not in shown.values():
        form.add_error(None, str(refused))
    for name, text in shown.items():
        form.add_error(name, text)


def _field_of(form: forms.BaseForm, name: str) -> str:
    """The field that asked for what a service knows by this name."""
    return "change_reason" if name == "reason" and "change_reason" in form.fields else name.removesuffix("_id")


class ServiceForm(forms.ModelForm):
    """A form whose save is a service: `refusal` is what the service said to this very input."""

    refusal: DomainError | None = None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.refusal:
            show_refusal(self, self.refusal)
        return cleaned

    def values(self) -> dict[str, Any]:
        """What was entered for fields of the model."""
        own = {field.name for field in self.instance._meta.concrete_fields}
        return {name: value for name, value in self.cleaned_data.items() if name in own}

    def changes(self) -> dict[str, Any]:
        """What differs from the record the form was opened on."""
        return {name: value for name, value in self.values().items() if name in self.changed_data}


def change_reason_field() -> forms.CharField:
    return forms.CharField(label=_("Reason for the change"), max_length=500, widget=UnfoldAdminTextInputWidget)


class VersionedForm(ServiceForm):
    """Carries the version its reader saw: a save on top of somebody else's change is refused, never the last to win."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    change_reason = change_reason_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.fields["seen_version"].required = True
            self.initial["seen_version"] = self.instance.version
        else:
            self.fields.pop("change_reason", None)  # nothing is changed by a new record
        for field in self.instance._meta.concrete_fields:  # 10, not 10.0000: the scale is the column's, nobody's entry
            value = self.initial.get(field.name)
            if isinstance(value, Decimal) and getattr(field, "decimal_places", None) is not None:
                self.initial[field.name] = Decimal(f"{value.normalize():f}")


class RowForm(VersionedForm):
    """A row beside others: changed for the reason given to the page they are on."""

    change_reason = None


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=UnfoldAdminTextInputWidget)


class NoteForm(forms.Form):
    reason = forms.CharField(label=_("Comment"), max_length=500, required=False, widget=UnfoldAdminTextInputWidget)


class SignForm(SignatureForm):
    """The signature form in the administration's clothes. The password comes last: what is signed stands above it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = self.fields["meaning"].choices
        if len(choices) > 1:
            choices = [("", "---------"), *choices]
        meaning = forms.ChoiceField(label=self.fields["meaning"].label, choices=choices, widget=UnfoldAdminSelectWidget)
        self.fields["meaning"] = meaning
        self.fields["comment"].widget = UnfoldAdminTextInputWidget()
        for name, widget in (("username", TypedAnewInput), ("password", UnfoldAdminPasswordWidget)):
            if name in self.fields:
                self.fields[name].widget = widget(attrs={"autocomplete": "off"})
        if "code" in self.fields:
            self.fields["code"].widget = TypedAnewInput(attrs={"autocomplete": "off", "inputmode": "numeric"})


class TypedAnewInput(TypedAnew, UnfoldAdminTextInputWidget):
    pass


def step_page(
    request: HttpRequest,
    model_admin: admin.ModelAdmin,
    *,
    form: forms.Form,
    act: Callable[[dict[str, Any]], Any],
    title: Any,
    button: Any,
    done: Any,
    back: str,
    template: str = "admin/step.html",
    **context: Any,
) -> HttpResponse:
    """A page between a button and its service: asks what the service needs, shows what it refused, or goes back."""
    if request.method == "POST" and form.is_valid():
        try:
            act(form.cleaned_data)
        except DomainError as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, str(done))
            return HttpResponseRedirect(back)
    context |= {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "form": form,
        "button": button,
        "back": back,
        "media": model_admin.media + form.media,
    }
    request.current_app = model_admin.admin_site.name
    return render(request, template, context, status=WRONG_INPUT if form.errors else 200)
