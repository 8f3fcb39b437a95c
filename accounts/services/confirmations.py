"""A fresh sign-in at the provider as the private component of one signature (docs/decisions/0013).

How a sign page uses it, when `"provider" in user.signs_with()`:
1. Instead of the password it shows a link to `accounts:provider-confirm` with `?next=` its own address.
2. The provider asks the person anew (`prompt=login`, `max_age=0`) and leads back; `give` leaves a confirmation.
3. The page, opened anew, asks `waiting(user)`: while it is true, it posts the signature without a password.
   `authenticate(..., signing=True)` uses the confirmation up. It is worth one signature, in this session, for 60 s.
"""

import datetime as dt

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.current_session import session_digest
from accounts.models import ProviderConfirmation, User
from audit.journal import change

LASTS = dt.timedelta(seconds=60)


def give(user: User, *, authenticated_at: dt.datetime) -> None:
    with change("confirm_at_provider"):
        ProviderConfirmation.objects.create(
            user=user, session=session_digest(), authenticated_at=authenticated_at, made_at=timezone.now()
        )


def waiting(user: User) -> bool:
    """Whether the person has just been confirmed, in this session, and has not signed with it yet."""
    return _unused(user).exists()


def use(user: User) -> bool:
    """Inside a change, with the account's row locked: of two requests at once only one gets it."""
    found = _unused(user).order_by("made_at").first()
    if found is None:
        return False
    found.used_at = timezone.now()
    found.save(update_fields=["used_at"])
    return True


def asks_for_one() -> str:
    return _("Confirm at %(provider)s that it is you, then go on within a minute.") % {"provider": settings.OIDC_NAME}


def _unused(user: User) -> QuerySet[ProviderConfirmation]:
    session = session_digest()
    found = ProviderConfirmation.objects.filter(user=user, session=session, used_at=None)
    return found.filter(made_at__gt=timezone.now() - LASTS) if session else found.none()
