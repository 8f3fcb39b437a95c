"""The authenticator app of an account: a second thing that only its owner has.

Set up by the owner, who proves to know the password (or PIN) and to hold the device; taken away by another person
only, so that whoever finds an open session and knows the password still cannot get rid of it.
"""

from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import temporary, totp
from accounts.models import CodeEnd, User
from accounts.services import sign_in
from accounts.services.notices import tell_owner
from accounts.services.passwords import held_for_another
from audit import signing_windows
from audit.context import require
from audit.errors import InvalidInput
from audit.journal import change
from audit.models import SecurityEventKind as Kind
from audit.models import WindowEnd
from audit.security import note

REVOKE = "accounts.revoke_factor"
FIELDS = ("totp_key", "totp_since", "totp_step")


@dataclass(frozen=True, slots=True)
class Enrolment:
    key: str  # shown once
    uri: str  # the same, for the QR code
    sealed: str  # the same, encrypted: what may lie in a session


def begin(user: User, *, password: str) -> Enrolment:
    """A new key for the owner's device. Nothing is stored before its first code is right."""
    _may_set_up(user)
    if not sign_in.confirm(user, password):
        text = _("This is not right.")
        raise InvalidInput(text, fields={"password": text})
    key = totp.new_key()
    return Enrolment(key, totp.address(key, user), totp.sealed(key))


def finish(user: User, *, sealed: str, code: str) -> None:
    """The device shows the right code: from now on one is asked for at each sign-in and signature."""
    step = totp.step_of(sealed, code)
    if step is None:
        text = _("This code is not right. Wait for the next one, and check the clock of the device.")
        raise InvalidInput(text, fields={"code": text})
    with change("set_up_authenticator"):
        row = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        _may_set_up(row)
        row.totp_key, row.totp_since, row.totp_step = sealed, timezone.now(), step
        row.save(update_fields=FIELDS)
        temporary.end(row, CodeEnd.APP)
        note(Kind.FACTOR_SET, user=row, detail="totp")
        signing_windows.close_of(row, WindowEnd.PASSWORD)
        tell_owner(row, "totp_set")


def revoke(*, user_id: UUID, reason: str) -> None:
    """The device is lost or changes hands: its codes are worth nothing from now on (11.300(c)).

    Raises NotFound, InvalidInput (one's own, none there), ReasonRequired or MissingPermission.
    """
    require(REVOKE)
    with change("update_second_factor", reason):
        user = held_for_another(user_id)
        if user.totp_since is None:
            raise InvalidInput(_("This account has no authenticator app."))
        user.totp_key, user.totp_since = "", None
        user.save(update_fields=FIELDS)
        note(Kind.FACTOR_REVOKED, user=user, detail=reason)
        signing_windows.close_of(user, WindowEnd.PASSWORD)
        tell_owner(user, "totp_revoked")


def _may_set_up(user: User) -> None:
    if user.totp_since:
        raise InvalidInput(_("You have an authenticator app already. When it is lost, another person revokes it."))
    if user.signs_with() == ("provider",) or not user.is_person or user.is_station:
        raise InvalidInput(_("An authenticator app is for a person who signs with a password or a PIN."))
