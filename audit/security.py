"""Writing and counting what happens at the doors."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.utils import timezone

from audit.context import current_act
from audit.models import SecurityEvent, SecurityEventKind

_could_be_a_name = UnicodeUsernameValidator()
WRONG_PASSWORD = (SecurityEventKind.PASSWORD_WRONG, SecurityEventKind.SIGNING_FAILED)


def note(kind: SecurityEventKind, *, user: Any = None, name_typed: str = "", detail: str = "") -> SecurityEvent:
    """Inside a `change` that names the whole, with the act saying through which door."""
    act = current_act()
    return SecurityEvent.objects.create(
        kind=kind,
        user=user,
        name_typed=kept_name(name_typed),
        detail=detail,
        source=act.source,
        station=act.station,
        address=act.address or None,
        act_id=act.id,
    )


def kept_name(typed: str) -> str:
    try:
        _could_be_a_name(typed)
    except ValidationError:
        return ""
    return typed[:150]


def wrong_passwords(user: Any) -> int:
    """How many count towards the lock: within the window, and since somebody last unlocked the account."""
    since = timezone.now() - dt.timedelta(minutes=settings.LOCKOUT_MINUTES)
    if user.unlocked_at:
        since = max(since, user.unlocked_at)
    return SecurityEvent.objects.filter(user=user, kind__in=WRONG_PASSWORD, at__gt=since).count()
