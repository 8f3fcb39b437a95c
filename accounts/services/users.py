"""Every change of a user. Accounts are never deleted: what a person did stays attributed to that person."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.events import end_connections
from accounts.models import User
from accounts.roles import ROLE_BY_NAME
from accounts.services import passwords, pins
from audit import signing_windows
from audit.context import Installation, act_as, current_act, require
from audit.errors import InvalidInput
from audit.journal import change
from audit.models import SecurityEventKind, WindowEnd
from audit.records import guarded
from audit.security import note

SYSTEM_USERNAME = "system"
EDITABLE = frozenset({"printed_name", "email", "is_person", "is_station", "is_active", "is_superuser", "uses_provider"})


def system_user() -> User:
    """The name under which scheduled tasks write. It holds no permission and cannot log in."""
    return program_user(SYSTEM_USERNAME, printed_name="Genba (system)")


def program_user(username: str, *, printed_name: str, role: str | None = None) -> User:
    """A named program: no password, cannot sign; `role` gives it the rights it needs. Safe to run again."""
    with installing("set_up_program"):
        user, created = User.objects.get_or_create(
            username=username, defaults={"printed_name": printed_name, "is_person": False}
        )
        if created:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        if role:
            user.groups.add(Group.objects.get(name=role))
    return user


@contextmanager
def installing(code: str) -> Iterator[None]:
    """Written by the installation itself: there may be no user yet who could."""
    with act_as(Installation(), source="installation"), change(code):
        yield


def note_alive(program: User) -> None:
    """A program was at work just now; `last_login` says when it was last seen."""
    User.objects.filter(pk=program.pk).update(last_login=timezone.now())


def person(username: str, *, printed_name: str, role: str, password: str) -> User:
    """A person with one role, or a program when the role opens no page. An existing user keeps its password."""
    defaults = {"printed_name": printed_name, "is_person": not ROLE_BY_NAME[role].api_only}
    with installing("set_up_person"):
        user, created = User.objects.get_or_create(username=username, defaults=defaults)
        if created:
            user.set_password(password)
        user.is_staff = ROLE_BY_NAME[role].uses_admin
        user.save()
        user.groups.add(Group.objects.get(name=role))
    return user


def create_user(*, username: str, printed_name: str, roles: Collection[str], password: str = "", **values: Any) -> User:
    """Create an account with its roles; without a password it cannot sign in.

    Raises InvalidInput (name, role, weak password), Conflict (name taken, in any case) or MissingPermission.
    """
    require("accounts.add_user")
    user = User(username=User.normalize_username(username), printed_name=printed_name)
    _set(user, values)
    if password and user.uses_provider:
        text = _("This account signs in at the provider and has no password here.")
        raise InvalidInput(text, fields={"password": text})
    if password:
        passwords.check(password, user)
        user.set_password(password)
        user.must_change_password = user.is_person
    else:
        user.set_unusable_password()
    with change("create_user"):
        return _save(user, roles)


def update_user(*, user_id: UUID, roles: Collection[str] | None = None, reason: str = "", **values: Any) -> User:
    """Change what is given. Of a deactivated user sessions and tokens are worth nothing, open sockets close.

    Raises NotFound, InvalidInput (unknown role, the last administrator, oneself deactivated) or MissingPermission.
    """
    actor = require("accounts.change_user")
    with change("update_user", reason):
        user = passwords.held(user_id)
        if user.pk == actor.pk and values.get("is_active") is False:
            raise InvalidInput(_("You cannot deactivate your own account."), fields={"is_active": _("Your own.")})
        was_active = user.is_active
        was_administrator = user.is_superuser and was_active
        used_provider = user.uses_provider
        _set(user, values)
        if user.uses_provider != used_provider:
            _change_door(user)
        if user.is_active and not was_active:
            user.unlocked_at = timezone.now()  # let in again: not dormant since the last sign-in
        user = _save(user, roles)
        if was_active and not user.is_active:
            note(SecurityEventKind.DEACTIVATED, user=user, detail=reason)
            signing_windows.close_of(user, WindowEnd.LOCK)
            end_connections(user.pk)
        if was_administrator and not User.objects.filter(is_superuser=True, is_active=True).exists():
            raise InvalidInput(_("This is the last administrator; name another one first."))
    return user


def _change_door(user: User) -> None:
    """Either a password here or the provider: what opened the other door opens nothing any more."""
    user.set_unusable_password()
    user.must_change_password = False
    user.provider_subject = ""
    pins.forget(user)
    signing_windows.close_of(user, WindowEnd.PASSWORD)
    end_connections(user.pk)


def _set(user: User, values: dict[str, Any]) -> None:
    if unknown := sorted(set(values) - EDITABLE):
        raise InvalidInput(_("These fields cannot be set: %(fields)s.") % {"fields": ", ".join(unknown)})
    if values.get("is_superuser", user.is_superuser) != user.is_superuser and not current_act().actor.is_superuser:
        raise InvalidInput(_("Only an administrator may name an administrator."))
    if values.get("uses_provider") and not user.uses_provider and not settings.OIDC_ISSUER:
        text = _("No provider is set up here (OIDC_ISSUER).")
        raise InvalidInput(text, fields={"uses_provider": text})
    for name, value in values.items():
        setattr(user, name, value)


def _save(user: User, roles: Collection[str] | None) -> User:
    if unknown := sorted(set(roles or ()) - set(ROLE_BY_NAME)):
        raise InvalidInput(
            _("Unknown role: %(roles)s.") % {"roles": ", ".join(unknown)}, fields={"roles": _("Unknown role.")}
        )
    try:
        user.clean_fields()
    except ValidationError as wrong:
        fields = {name: " ".join(texts) for name, texts in wrong.message_dict.items()}
        raise InvalidInput(" ".join(fields.values()), fields=fields) from wrong
    with guarded(User), change("save_user"):
        user.save()
        if roles is not None:
            user.groups.set(Group.objects.filter(name__in=roles))
        user.is_staff = user.is_superuser or any(role.uses_admin for role in user.roles())
        user.save(update_fields=["is_staff"])
    return user
