from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from accounts.services import passwords
from accounts.validators import PIN_DIGITS, PIN_MOST_DIGITS


class OwnPasswordForm(PasswordChangeForm):
    def save(self, commit: bool = True) -> Any:
        passwords.change_own(self.user, self.cleaned_data["new_password1"])
        return self.user


class LinkPasswordForm(SetPasswordForm):
    def save(self, commit: bool = True) -> Any:
        passwords.use_link(self.user, self.cleaned_data["new_password1"])
        return self.user


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": gettext_lazy(
            "The user name or the password is wrong. After %(count)s wrong passwords an account is locked until"
            " somebody else unlocks it."
        ),
        "inactive": gettext_lazy("This account is deactivated. An administrator can activate it again."),
    }

    def get_invalid_login_error(self) -> ValidationError:
        """One answer for an unknown name, a wrong password and a locked account.

        Whoever knows the password of a deactivated account is told so; others learn nothing about it.
        """
        if getattr(self.request, "account_deactivated", False):
            return ValidationError(self.error_messages["inactive"], code="inactive")
        count = {"count": settings.LOCKOUT_FAILURES}
        return ValidationError(self.error_messages["invalid_login"], code="invalid_login", params=count)


def _hidden(label: Any, autocomplete: str, **attrs: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete, **attrs})
    return forms.CharField(label=label, strip=False, widget=widget)


class OnceInput(forms.TextInput):
    """What was typed is not shown again: a code that was wrong is of no use."""

    def format_value(self, value: Any) -> None:
        return None


class CodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code of your authenticator app"),
        max_length=20,
        widget=OnceInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )

    def __init__(self, *args: Any, temporary: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if temporary:
            self.fields["code"].label = gettext_lazy("Temporary code")


class OwnSecretForm(forms.Form):
    """Asked of an open session: is it still its owner?"""

    password = _hidden(gettext_lazy("Your password"), "current-password")

    def __init__(self, *args: Any, pin: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if pin:
            self.fields["password"].label = gettext_lazy("Your signing PIN")


class PinForm(forms.Form):
    pin = _hidden(gettext_lazy("New signing PIN"), "new-password", inputmode="numeric", maxlength=PIN_MOST_DIGITS)
    again = _hidden(
        gettext_lazy("New signing PIN again"), "new-password", inputmode="numeric", maxlength=PIN_MOST_DIGITS
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pin"].help_text = gettext_lazy(
            "%(least)s to %(most)s digits; no rows, no repetitions, no dates."
        ) % {
            "least": PIN_DIGITS,
            "most": PIN_MOST_DIGITS,
        }

    def clean(self) -> dict[str, Any]:
        entered = super().clean() or {}
        if entered.get("pin") != entered.get("again"):
            self.add_error("again", gettext_lazy("The two PINs differ."))
        return entered
