"""The continuous time in which a person who has signed with everything signs again with the private part only.

A window belongs to one user, one session and one station. It ends when it is not used, is old, at signing out,
when somebody else signs in, at another station, and when the account is locked or its password changed.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.context import Act, acting, current_act_or_none
from audit.errors import SignatureRefused
from audit.journal import change
from audit.models import SigningWindow, WindowEnd
from audit.stations import station_of


@dataclass(frozen=True, slots=True)
class Sitting:
    """A session at a station, as a signing window knows it."""

    session_hash: str
    station: str


def sitting_of(request: HttpRequest) -> Sitting:
    if request.session.session_key is None:
        request.session.create()
    return Sitting(hash_of(str(request.session.session_key)), station_of(request))


def hash_of(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()


def usable(user: Any, sitting: Sitting | None) -> SigningWindow | None:
    """The open window of this user in this sitting. One that has come to its end is closed, with the reason.

    Outside the transaction that signs, so that its closing stays when the signature is refused.
    """
    if sitting is None:
        return None
    window = SigningWindow.objects.filter(user=user, session_hash=sitting.session_hash, closed_at=None).first()
    if window is None:
        return None
    why = _end_of(window, user, sitting.station)
    if not why:
        return window
    close(SigningWindow.objects.filter(pk=window.pk), why)
    return None


def _end_of(window: SigningWindow, user: Any, station: str) -> str:
    now = timezone.now()
    if window.station != station:
        return WindowEnd.STATION
    if user.locked_at or not user.is_active:
        return WindowEnd.LOCK
    if user.password_changed_at > window.opened_at:
        return WindowEnd.PASSWORD
    if now - window.opened_at >= _age():
        return WindowEnd.AGE
    return WindowEnd.IDLE if now - window.last_used_at >= _idle() else ""


def _idle() -> dt.timedelta:
    return dt.timedelta(minutes=settings.SIGNING_IDLE_MINUTES)


def _age() -> dt.timedelta:
    return dt.timedelta(minutes=settings.SIGNING_WINDOW_MINUTES)


def enter(user: Any, sitting: Sitting, *, may_open: bool) -> tuple[SigningWindow, bool]:
    """The window a signature is given in, and whether it opens it. Inside the transaction that signs."""
    mine = SigningWindow.objects.select_for_update(no_key=True).filter(
        user=user, session_hash=sitting.session_hash, closed_at=None
    )
    window = mine.first()
    if window is None or _end_of(window, user, sitting.station):
        if not may_open:
            raise SignatureRefused(_("Enter your user name as well: no series of signatures is open."), full=True)
        if window is not None:
            _close(mine, _end_of(window, user, sitting.station))
        try:
            with transaction.atomic():
                return _open(user, sitting), True
        except IntegrityError:  # another tab of this session was faster; the series is one
            window = mine.get()
    window.last_used_at = timezone.now()
    window.save(update_fields=["last_used_at"])
    return window, False


def _open(user: Any, sitting: Sitting) -> SigningWindow:
    """And close those that ended meanwhile without anybody coming back to them."""
    now = timezone.now()
    old = SigningWindow.objects.filter(closed_at=None)
    _close(old.filter(opened_at__lte=now - _age()), WindowEnd.AGE)
    _close(old.filter(last_used_at__lte=now - _idle()), WindowEnd.IDLE)
    return SigningWindow.objects.create(
        user=user, session_hash=sitting.session_hash, station=sitting.station, opened_at=now, last_used_at=now
    )


def close(windows: QuerySet[SigningWindow], why: str) -> None:
    with change("close_signing_window"):
        _close(windows, why)


def close_of(user: Any, why: str) -> None:
    """Every open window of an account; inside the change that locks it or gives it another password."""
    _close(SigningWindow.objects.filter(user=user), why)


def _close(windows: QuerySet[SigningWindow], why: str) -> None:
    windows.filter(closed_at=None).update(closed_at=timezone.now(), closed_why=why)


def signed_out(request: HttpRequest, user: Any = None, **_kwargs: Any) -> None:
    """Receiver of Django's signal, which comes before the session is gone."""
    key = request.session.session_key if hasattr(request, "session") else None
    if key and user is not None:
        _end_session(user, Q(session_hash=hash_of(key)), WindowEnd.LOGOUT)


def signed_in(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """The session has a new key by now; the browser still says under which one it came."""
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    if not key:
        return
    _end_session(user, Q(session_hash=hash_of(key)) & ~Q(user=user), WindowEnd.SWITCH)
    _end_session(user, Q(session_hash=hash_of(key), user=user), WindowEnd.LOGIN)


def _end_session(user: Any, condition: Q, why: str) -> None:
    windows = SigningWindow.objects.filter(condition, closed_at=None)
    if windows.exists():
        with _as(user):
            close(windows, why)


@contextmanager
def _as(user: Any) -> Iterator[None]:
    """In the name of whom the signal is about: by the time it is heard, nobody may be signed in any more."""
    act = current_act_or_none() or Act(who=lambda: user, source="login")
    with acting(replace(act, who=lambda: user)):
        yield
