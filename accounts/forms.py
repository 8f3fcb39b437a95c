from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _("The user name or the password is wrong."),
        "inactive": _("This account is deactivated. An administrator can activate it again."),
    }

    def get_invalid_login_error(self) -> ValidationError:
        """Whoever knows the password of a deactivated account is told so; others learn nothing about it."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        user = _named(name)
        if user and not user.is_active and user.check_password(password):
            return ValidationError(self.error_messages["inactive"], code="inactive")
        return ValidationError(self.error_messages["invalid_login"], code="invalid_login")


def _named(username: str | None) -> Any:
    users = get_user_model()
    try:
        return users.objects.get_by_natural_key(username)
    except users.DoesNotExist:
        return None
