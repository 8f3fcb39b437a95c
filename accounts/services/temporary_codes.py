"""A device is lost and the shift goes on: another person gives out a code in its place (11.300(c)).

It replaces the authenticator app and nothing else, and whoever gives it out must not come by the rest: not the owner,
and nobody who can set passwords.
"""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import temporary
from accounts.models import LONGEST_CODE, CodeEnd, DocumentClass, TemporaryCode, User
from accounts.services.authenticators import REVOKE
from accounts.services.notices import tell_owner
from accounts.services.passwords import held_for_another
from audit import signing_windows
from audit.context import require
from audit.errors import InvalidInput
from audit.journal import change, demand_reason
from audit.models import SecurityEventKind as Kind
from audit.models import WindowEnd
from audit.security import note

ISSUE = "accounts.add_temporarycode"
SETS_PASSWORDS = "accounts.change_user"
MOST_HOURS = LONGEST_CODE // dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Issued:
    code: str  # shown once
    row: TemporaryCode


def issue(*, user_id: UUID, document_class: str, hours: int, once: bool, reason: str) -> Issued:
    """A code for the owner, whose document was seen just now. One given out before is worth nothing any more.

    Raises NotFound, InvalidInput (one's own, no device lost, both halves in one hand), ReasonRequired or
    MissingPermission.
    """
    actor = require(ISSUE)
    if actor.has_perm(SETS_PASSWORDS):
        raise InvalidInput(
            _("Who can set passwords gives out no temporary code: with both one could sign as somebody else.")
        )
    if document_class not in DocumentClass.values:
        text = _("Say which document you saw.")
        raise InvalidInput(text, fields={"document_class": text})
    if not 1 <= hours <= MOST_HOURS:
        text = _("From 1 to %(most)s hours.") % {"most": MOST_HOURS}
        raise InvalidInput(text, fields={"hours": text})
    demand_reason(reason)
    with change("update_second_factor", reason):
        user = held_for_another(user_id)
        _may_have_one(user)
        temporary.end(user, CodeEnd.REPLACED)
        code, now = temporary.new_code(), timezone.now()
        row = TemporaryCode.objects.create(
            user=user,
            issued_by=actor,
            issued_at=now,
            document_class=document_class,
            code=temporary.sealed(code),
            once=once,
            expires_at=now + dt.timedelta(hours=hours),
        )
        note(Kind.CODE_ISSUED, user=user, detail=reason)
        signing_windows.close_of(user, WindowEnd.PASSWORD)
        tell_owner(user, "code_issued")
    return Issued(code, row)


def revoke(*, user_id: UUID, reason: str) -> None:
    """It came into other hands, or is not needed any more."""
    require(REVOKE)
    with change("update_second_factor", reason):
        user = held_for_another(user_id)
        if user.temporary_code() is None or not temporary.end(user, CodeEnd.REVOKED):
            raise InvalidInput(_("This account has no temporary code."))
        note(Kind.CODE_REVOKED, user=user, detail=reason)
        signing_windows.close_of(user, WindowEnd.PASSWORD)
        tell_owner(user, "code_revoked")


def why_none(user: User) -> str:
    """Why this account gets no temporary code now, or ""."""
    if user.totp_since:
        return _("Revoke the lost authenticator app first: two devices at once are one too many.")
    if not user.has_lost_device():
        return _("This account never had an authenticator app: there is nothing a code could stand in for.")
    if user.signs_with() == ("provider",):
        return _("This person confirms each signature at the provider; a lost device is replaced there.")
    if not user.is_active or user.locked_at:
        return _("This account is deactivated or locked. That comes first.")
    if user.must_change_password:
        return _("Somebody else set the password of this account. Its owner has to change it first.")
    return ""


def _may_have_one(user: User) -> None:
    if why := why_none(user):
        raise InvalidInput(why)
