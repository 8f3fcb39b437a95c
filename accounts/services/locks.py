"""Opening what too many wrong passwords have shut. Nobody opens one's own account."""

from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services.sign_in import ACCOUNT_LOCKED
from audit import outbox
from audit.context import require
from audit.errors import InvalidInput, NotFound
from audit.journal import change
from audit.models import Outbox, SecurityEventKind
from audit.security import note

UNLOCK = "accounts.unlock_user"


def waiting_accounts() -> int:
    return User.objects.exclude(locked_at=None).count()


def unlock(*, user_id: UUID, reason: str) -> User:
    """Let the account in again; its wrong passwords so far count no more, and its notice is acknowledged.

    Raises NotFound, InvalidInput (one's own, not locked), ReasonRequired or MissingPermission.
    """
    actor = require(UNLOCK)
    with change("update_lock", reason):
        user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
        if user is None:
            raise NotFound(_("This user does not exist."))
        if user.pk == actor.pk:
            raise InvalidInput(_("Another person has to unlock your account."))
        if user.locked_at is None:
            raise InvalidInput(_("This account is not locked."))
        user.locked_at, user.unlocked_at = None, timezone.now()
        user.save(update_fields=["locked_at", "unlocked_at"])
        note(SecurityEventKind.UNLOCKED, user=user, detail=reason)
        outbox.acknowledge(outbox.waiting().filter(kind=ACCOUNT_LOCKED, payload__user=str(user.pk)))
    return user


def acknowledge(*, message_id: UUID) -> None:
    """Take note of an urgent message, so that it is not escalated. A lock stays until somebody unlocks."""
    require(UNLOCK)
    if not outbox.acknowledge(Outbox.objects.filter(pk=message_id, urgent=True)):
        raise NotFound(_("Nothing waits here any more."))
