from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from accounts.services import passwords


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
