"""Settings about accounts that would fail quietly."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import Error, register

from accounts.roles import ROLE_BY_NAME


@register
def known_roles(app_configs: Any = None, **_kwargs: Any) -> list[Error]:
    unknown = sorted(set(settings.SIGNING_TOTP_ROLES) - set(ROLE_BY_NAME))
    text = f"SIGNING_TOTP_ROLES names no role of Genba: {', '.join(unknown)}"
    return [Error(text, hint=f"Known are {', '.join(ROLE_BY_NAME)}.", id="accounts.E001")] if unknown else []


@register
def readable_password_list(app_configs: Any = None, **_kwargs: Any) -> list[Error]:
    if not settings.BREACHED_PASSWORDS_FILE:
        return []
    try:
        with Path(settings.BREACHED_PASSWORDS_FILE).open("rb"):
            return []
    except OSError as error:
        return [Error(f"BREACHED_PASSWORDS_FILE cannot be read: {error}", id="accounts.E002")]
