"""Is this the right password, and may it be used? Wrong ones are counted, and too many lock the account."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from audit import outbox, signing_windows
from audit.context import Act, Doorkeeper, acting, current_act_or_none
from audit.journal import change
from audit.models import SecurityEventKind as Kind
from audit.models import WindowEnd
from audit.security import note, wrong_passwords

ACCOUNT_LOCKED = "account_locked"  # kind of message


class Deactivated(Exception):
    """The password is right, the account is not in use any more. Only who knows the password is told so."""


def authenticate(username: str, password: str, *, signing: bool, code: str = "", name_typed: str = "") -> User | None:
    """The account when everything is right. Every no looks and takes the same: a password is always hashed once.

    `name_typed` is what a signer entered as user name: another one than the account's is as wrong as its password.
    """
    user = _named(username)
    if user is None:
        User().set_password(password)  # what a known name would cost
        with _at_the_door(Doorkeeper(), "refuse_password"):
            note(Kind.NAME_UNKNOWN, name_typed=username)
        return None
    is_other_name = bool(name_typed) and _named(name_typed) != user
    if not user.check_password(password) or is_other_name:
        _wrong_password(user, name_typed or username, signing=signing)
        return None
    return _right_password(user, username, signing=signing)


def note_signed_in(user: User) -> None:
    """For a door that asks for no password (the demo's buttons)."""
    with _at_the_door(user, "sign_in"):
        note(Kind.SIGNED_IN, user=user)


def _named(username: str) -> User | None:
    try:
        return User.objects.get_by_natural_key(username)
    except User.DoesNotExist:
        return None


@contextmanager
def _at_the_door(who: Any, code: str) -> Iterator[None]:
    """One transaction, in the name of whom the door knows by now; door, station and address are the request's."""
    act = current_act_or_none() or Act(who=lambda: who, source="login")
    with acting(replace(act, who=lambda: who, code="")), change(code):
        yield


def _wrong_password(user: User, typed: str, *, signing: bool) -> None:
    """The row of the account is the queue: of two at once the second counts the first."""
    with _at_the_door(user if signing else Doorkeeper(), "refuse_password"):
        user = _held(user)
        note(Kind.SIGNING_FAILED if signing else Kind.PASSWORD_WRONG, user=user, name_typed=typed)
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


def _right_password(user: User, typed: str, *, signing: bool) -> User | None:
    """Asked again with the row held: an account locked a moment ago stays shut, whoever guessed right meanwhile."""
    with _at_the_door(user, "sign_in"):
        now = _held(user)
        refused = now.locked_at or not now.is_active or now.password != user.password
        if refused:
            note(Kind.SIGNING_REFUSED if signing else Kind.REFUSED, user=now, name_typed=typed)
        elif not signing:
            note(Kind.SIGNED_IN, user=now, name_typed=typed)
    if refused and not now.is_active and not now.locked_at:
        raise Deactivated
    return None if refused else now


def _held(user: User) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)
