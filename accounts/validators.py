from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class PasswordHistoryValidator:
    """The present password and the ones before it do not come back (as many as the policy says)."""

    def validate(self, password: str, user: Any = None) -> None:
        known = [user.password, *user.previous_passwords.split()] if user is not None and user.password else []
        if any(check_password(password, encoded) for encoded in known[: settings.PASSWORD_HISTORY + 1]):
            raise ValidationError(self.get_help_text(), code="password_used_before")

    def get_help_text(self) -> str:
        return _("Your last %(count)s passwords cannot be used again.") % {"count": settings.PASSWORD_HISTORY}
