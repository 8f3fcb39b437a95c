"""Who is let in with name and password: the login page, the token endpoint and signing ask this one place."""

from typing import Any

from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.http import HttpRequest

from accounts.models import User
from accounts.services import sign_in


class PasswordBackend(ModelBackend):
    """Django's permissions, our passwords: each wrong one is noted and counts towards a lock."""

    aauthenticate = BaseBackend.aauthenticate  # type: ignore[assignment]  # Django's own would go past `authenticate`

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        signing: bool = False,
        code: str = "",
        name_typed: str = "",
        **_kwargs: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        code = code or getattr(request, "typed_code", "")
        try:
            return sign_in.authenticate(username, password, signing=signing, code=code, name_typed=name_typed)
        except sign_in.Deactivated:
            if request is not None:
                request.account_deactivated = True  # type: ignore[attr-defined]  # read by the login form
        except sign_in.CodeNeeded as needed:
            if request is not None:
                request.code_needed_of = needed.user  # type: ignore[attr-defined]  # read by the login page
        return None


def may_have_token(user: User | None) -> bool:
    """Asked for each new token, also one in exchange for an older."""
    return user is not None and user.is_active and user.locked_at is None and not user.password_is_due()
