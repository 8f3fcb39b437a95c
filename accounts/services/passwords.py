"""Passwords: given, changed, asked for by a link, and grown old.

Whoever administers accounts never knows a password that signs: one set for another person only opens the page that
changes it, and its owner is told.
"""

import datetime as dt
from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import temporary
from accounts.events import end_connections
from accounts.models import CodeEnd, User
from audit import outbox, signing_windows
from audit.context import Act, acting, current_act, current_act_or_none, require
from audit.errors import InvalidInput, NotFound
from audit.journal import change
from audit.models import SecurityEventKind as Kind
from audit.models import WindowEnd
from audit.security import note

PASSWORD_NOTICE, PASSWORD_LINK = "password_notice", "password_link"
FIELDS = ("password", "previous_passwords", "password_changed_at", "must_change_password")


def set_password(*, user_id: UUID, password: str) -> None:
    """Give an account a new password, known to two: a person has to change it at once. Open sessions end."""
    require("accounts.change_user")
    with change("set_password"):
        user = held(user_id)
        _has_one(user)
        check(password, user)
        give(user, password, must_change=user.is_person)
        temporary.end(user, CodeEnd.PASSWORD)
        note(Kind.PASSWORD_SET, user=user)
        _tell_owner(user, "set")


def send_link(*, user_id: UUID) -> None:
    """Send the owner a link that sets a new password, once, within 24 hours; nobody else sees it."""
    require("accounts.change_user")
    with change("send_password_link"):
        user = held(user_id)
        _has_one(user)
        if not user.email or not user.is_active:
            raise InvalidInput(_("A link goes by e-mail to an active account; this one has no address or is inactive."))
        note(Kind.PASSWORD_LINK, user=user)
        outbox.queue(PASSWORD_LINK, user=str(user.pk))


def use_link(user: User, password: str) -> None:
    """The owner sets the password behind a link. Its token was checked by who calls this."""
    act = current_act_or_none() or Act(who=lambda: user, source="web")
    with acting(replace(act, who=lambda: user)), change("change_own_password"):
        give(user, password)
        temporary.end(user, CodeEnd.PASSWORD)
        note(Kind.PASSWORD_CHANGED, user=user, detail="link")
        _tell_owner(user, "link_used")


def change_own(user: User, password: str) -> None:
    """The holder's own; with one that somebody else set this is its first use, and the owner is told of it."""
    is_first_use = user.must_change_password
    with change("change_own_password"):
        give(user, password)
        note(Kind.PASSWORD_CHANGED, user=user, detail="first use" if is_first_use else "")
        if is_first_use:
            _tell_owner(user, "first_used")


def give(user: User, password: str, *, must_change: bool = False) -> None:
    """Inside a change. Keeps the hash of the one before, so that it does not come back; sockets end."""
    row = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if row.has_usable_password():
        kept = [row.password, *row.previous_passwords.split()]
        row.previous_passwords = "\n".join(kept[: settings.PASSWORD_HISTORY])
    row.set_password(password)
    row.password_changed_at, row.must_change_password = timezone.now(), must_change
    row.save(update_fields=FIELDS)
    for name in FIELDS:
        setattr(user, name, getattr(row, name))
    signing_windows.close_of(user, WindowEnd.PASSWORD)
    end_connections(user.pk)


def check(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as weak:
        raise InvalidInput(" ".join(weak.messages), fields={"password": " ".join(weak.messages)}) from weak


def held(user_id: UUID) -> User:
    """The account, locked for a change of it; an administrator's only for an administrator."""
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NotFound(_("This user does not exist."))
    if user.is_superuser and not current_act().actor.is_superuser:
        raise InvalidInput(_("Only an administrator may change an administrator."))
    return user


def held_for_another(user_id: UUID) -> User:
    """The same for what nobody may do to the own account."""
    user = held(user_id)
    if user.pk == current_act().actor.pk:
        raise InvalidInput(_("Another person has to do this for you."))
    return user


def deactivate_dormant() -> int:
    """Deactivate people who have not been here for DORMANT_DAYS (0: nobody); never the last administrator."""
    if not settings.DORMANT_DAYS:
        return 0
    since = timezone.now() - dt.timedelta(days=settings.DORMANT_DAYS)
    seen = Greatest(Coalesce("last_login", "date_joined"), "date_joined", Coalesce("unlocked_at", "date_joined"))
    dormant = User.objects.alias(seen=seen).filter(seen__lt=since, is_active=True, is_person=True).order_by("pk")
    return sum(_deactivate(user) for user in dormant)


def _deactivate(user: User) -> bool:
    with change("deactivate_dormant"):
        administrators = User.objects.select_for_update(no_key=True).filter(is_superuser=True, is_active=True)
        if user.is_superuser and not [other for other in administrators if other.pk != user.pk]:
            return False
        user.is_active = False
        user.save(update_fields=["is_active"])
        note(Kind.DEACTIVATED, user=user, detail="dormant")
        signing_windows.close_of(user, WindowEnd.LOCK)
        end_connections(user.pk)
    return True


def _has_one(user: User) -> None:
    if user.uses_provider:
        raise InvalidInput(_("This account signs in at the provider and has no password here."))


def _tell_owner(user: User, what: str) -> None:
    if user.email:
        outbox.queue(PASSWORD_NOTICE, user=str(user.pk), what=what)
