"""Is this the right password, and may it be used? Wrong ones are counted, and too many lock the account.

A code of an authenticator app, or the temporary one in its place, counts as a password does: a wrong one, or one used
before, is noted and brings the same lock nearer. (Who comes by the provider: accounts/services/provider_sign_in.py.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from accounts import temporary, totp
from accounts.models import User
from accounts.services import confirmations
from audit import outbox, signing_windows
from audit.context import Act, Doorkeeper, acting, current_act_or_none
from audit.errors import SignatureRefused
from audit.journal import change
from audit.models import SecurityEventKind as Kind
from audit.models import WindowEnd
from audit.security import note, wrong_passwords

ACCOUNT_LOCKED = "account_locked"  # kind of message
CODE, NO_CODE, NOT_CONFIRMED = "code", "no code", "not confirmed at the provider"  # details of events
TEMPORARY = "temporary code"


class Deactivated(Exception):
    """The password is right, the account is not in use any more. Only who knows the password is told so."""


class CodeNeeded(Exception):
    """The password is right; the door has to ask for a code of the authenticator app. Nothing is noted yet."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user


def authenticate(username: str, password: str, *, signing: bool, code: str = "", name_typed: str = "") -> User | None:
    """The account when everything is right. Every no looks and takes the same: a password is always hashed once.

    `name_typed` is what a signer entered as user name: another one than the account's is as wrong as its password.
    Raises Deactivated or CodeNeeded at a sign-in; SignatureRefused at a signing that lacks its second component.
    """
    user = _named(username)
    if user is None:
        User().set_password(password)  # what a known name would cost
        with at_the_door(Doorkeeper(), "refuse_password"):
            note(Kind.NAME_UNKNOWN, name_typed=username)
        return None
    is_other_name = bool(name_typed) and _named(name_typed) != user
    if signing and user.signs_with() == ("provider",) and not is_other_name:
        return _confirmed_at_provider(user)
    if not _knows(user, password, signing=signing) or is_other_name:
        _wrong(user, name_typed or username, signing=signing)
        return None
    return _right_password(user, username, signing=signing, code=code)


def authenticate_code(user_id: UUID, code: str, *, password_seal: str) -> User | None:
    """The second step of a sign-in whose password was right; not once the password is another one."""
    user = User.objects.filter(pk=user_id).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), password_seal):
        return None
    return _right_password(user, user.username, signing=False, code=code or " ")


def confirm(user: User, password: str) -> bool:
    """Whether the owner of an open session still is the one at the keyboard; a wrong password counts."""
    fresh = User.objects.get(pk=user.pk)
    if fresh.locked_at or not _knows(fresh, password, signing=True):
        _wrong(fresh, fresh.username, signing=True)
        return False
    return True


def note_signed_in(user: User) -> None:
    """For a door that asks for no password (the demo's buttons)."""
    with at_the_door(user, "sign_in"):
        note(Kind.SIGNED_IN, user=user)


@contextmanager
def at_the_door(who: Any, code: str) -> Iterator[None]:
    """One transaction, in the name of whom the door knows by now; door, station and address are the request's."""
    act = current_act_or_none() or Act(who=lambda: who, source="login")
    with acting(replace(act, who=lambda: who, code="")), change(code):
        yield


def _named(username: str) -> User | None:
    try:
        return User.objects.get_by_natural_key(username)
    except User.DoesNotExist:
        return None


def _knows(user: User, password: str, *, signing: bool) -> bool:
    """A PIN opens no session: it only signs."""
    if signing and user.uses_provider:
        return check_password(password, user.signing_pin)
    return user.check_password(password)


def _wrong(user: User, typed: str, *, signing: bool, detail: str = "") -> None:
    """The row of the account is the queue: of two at once the second counts the first."""
    with at_the_door(user if signing else Doorkeeper(), "refuse_password"):
        user = _held(user)
        note(Kind.SIGNING_FAILED if signing else Kind.PASSWORD_WRONG, user=user, name_typed=typed, detail=detail)
        count = wrong_passwords(user)
        if user.locked_at is None and count >= settings.LOCKOUT_FAILURES:
            _lock(user, count)


def _lock(user: User, count: int) -> None:
    user.locked_at = timezone.now()
    user.save(update_fields=["locked_at"])
    signing_windows.close_of(user, WindowEnd.LOCK)
    event = note(Kind.LOCKED, user=user, detail=str(count))
    outbox.queue(
        ACCOUNT_LOCKED,
        urgent=True,
        user=str(user.pk),
        username=user.username,
        printed_name=user.printed_name,
        failures=count,
        station=event.station,
        address=event.address or "",
        source=event.source,
    )


def _right_password(user: User, typed: str, *, signing: bool, code: str) -> User | None:
    """Asked again with the row held: an account locked a moment ago stays shut, whoever guessed right meanwhile."""
    with at_the_door(user, "sign_in"):
        now = _held(user)
        refused = now.locked_at or not now.is_active or _secret(now, signing) != _secret(user, signing)
        device, now.presented = now.device(), now.signs_with()
        refused = refused or (signing and now.lacks_second_factor())  # another one has just used the code up
        no_code = not refused and bool(device) and not code
        wrong_code = not refused and bool(device) and not no_code and not _accept(now, device, code)
        if refused or (no_code and signing):
            kind = Kind.SIGNING_REFUSED if signing else Kind.REFUSED
            note(kind, user=now, name_typed=typed, detail=NO_CODE if no_code else "")
        elif not (signing or no_code or wrong_code):
            note(Kind.SIGNED_IN, user=now, name_typed=typed, detail=TEMPORARY if device == "temporary" else "")
    if no_code:
        raise SignatureRefused(_asks_for_code(device)) if signing else CodeNeeded(now)
    if wrong_code:
        _wrong(now, typed, signing=signing, detail=CODE)
    if refused and not now.is_active and not now.locked_at:
        raise Deactivated
    return None if refused or wrong_code else now


def _accept(row: User, device: str, code: str) -> bool:
    return temporary.accept(row, code) if device == "temporary" else totp.accept(row, code)


def _secret(user: User, signing: bool) -> str:
    return user.signing_pin if signing and user.uses_provider else user.password


def _confirmed_at_provider(user: User) -> User:
    with at_the_door(user, "sign_in"):
        now = _held(user)
        refused = bool(now.locked_at) or not now.is_active
        confirmed = not refused and confirmations.use(now)
        now.presented = now.signs_with()
        if not confirmed:
            note(Kind.SIGNING_REFUSED, user=now, detail="" if refused else NOT_CONFIRMED)
    if not confirmed:
        raise SignatureRefused(confirmations.asks_for_one())
    return now


def _asks_for_code(device: str) -> str:
    if device == "temporary":
        return _("Your signature needs your temporary code as well. Nothing was signed.")
    return _("Your signature needs a code of your authenticator app as well. Nothing was signed.")


def _held(user: User) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)
