"""Who acts, from which door, and why: set once per request, task, command or connector.

A write outside an act raises; nothing regulated is ever attributed to nobody.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import uuid_utils.compat
from django.conf import settings
from django.contrib.auth import get_permission_codename
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.errors import MissingPermission, UnattributedWrite


def uuid7() -> UUID:
    """Time-ordered key: index-friendly, and safe to hand to other systems."""
    return uuid_utils.compat.uuid7()


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    who: Callable[[], Any]  # asked at write time: the API signs token users in after the middleware ran
    source: str  # "web", "api", "admin", "task:production.refresh_kpis", "command:load_demo"
    code: str = ""  # what is being done: "release", "report_quantity", "edit" …; set by `audit.journal.change`
    reason: str = ""  # in the person's words
    station: str = ""
    address: str = ""  # of the network, as far as it is known
    on_behalf_of: str = ""  # who asked a program for it, as `named` says it
    id: UUID = field(default_factory=uuid7)
    refused: list[Any] = field(default_factory=list, compare=False)  # steps tried in vain: `audit/attempts.py`

    @property
    def actor(self) -> Any:
        return self.who()

    def as_json(self) -> str:
        """What the journal's triggers are told; empty when nobody has signed in."""
        actor = self.actor
        if not actor.is_authenticated:
            return ""
        told = {
            "actor": str(actor.pk) if actor.pk else None,
            "type": "user" if actor.is_person else "system",
            "name": actor.printed_name or actor.get_username(),
            "behalf": self.on_behalf_of or None,
            "code": self.code,
            "reason": self.reason,
            "request": str(self.id),
            "station": self.station,
            "source": self.source,
            "version": settings.GENBA_VERSION,
        }
        # PostgreSQL holds no NUL; taken out of the values, as a person's text may spell out its escape
        return json.dumps({k: v and v.replace("\0", "") for k, v in told.items()}, ensure_ascii=False)


class Installation:
    """Who writes before there are users: migrations and the first set-up."""

    pk = None
    is_person = False
    is_authenticated = True
    printed_name = "Genba (installation)"

    def has_perm(self, permission: str) -> bool:
        return False


class Doorkeeper(Installation):
    """Who notes what happens at a door before anybody came in."""

    printed_name = "Genba (sign-in)"


class Dispatcher(Installation):
    """Who notes that a message was delivered."""

    printed_name = "Genba (messages)"


_current: ContextVar[Act | None] = ContextVar("act", default=None)


def current_act() -> Act:
    act = _current.get()
    if act is None or not act.actor.is_authenticated:
        raise UnattributedWrite("write outside act_as(): open one in the task, command or test")
    return act


def current_act_or_none() -> Act | None:
    return _current.get()


@contextmanager
def acting(act: Act) -> Iterator[Act]:
    token = _current.set(act)
    try:
        yield act
    finally:
        _current.reset(token)


@contextmanager
def act_as(user: Any, *, source: str, reason: str = "", on_behalf_of: str = "") -> Iterator[Act]:
    """Everything written inside is `user`'s doing, through the door named `source`; a program may act for somebody."""
    from audit.attempts import keep  # which is built on the models

    with acting(Act(who=lambda: user, source=source, reason=reason, on_behalf_of=on_behalf_of)) as act:
        try:
            yield act
        finally:
            keep(act)


def named(person: Any) -> str:
    """Who somebody is beside a program that acts for them: printed names may be alike, user names are not."""
    username = person.get_username()
    return f"{person.printed_name} ({username})" if person.printed_name else username


def require(permission: str) -> Any:
    """Return the actor, or refuse with the name of the missing permission. Services call it first."""
    actor = current_act().actor
    if not actor.has_perm(permission):
        raise MissingPermission(
            _("You lack the permission “%(permission)s”. An administrator can give it to your role.")
            % {"permission": permission_label(permission)},
            permission=permission,
        )
    return actor


# Django stores "Can add work order" in the row, in English and with the model's name inside.
_DEFAULT_ACTIONS = {
    "view": gettext_lazy("Can view %(model)s"),
    "add": gettext_lazy("Can add %(model)s"),
    "change": gettext_lazy("Can change %(model)s"),
    "delete": gettext_lazy("Can delete %(model)s"),
}


def permission_label(permission: str) -> str:
    """The permission as people read it ("Can release a work order"); its code where it has no row."""
    from django.contrib.auth.models import Permission  # the database backend needs this module before any model

    app_label, codename = permission.split(".", 1)
    row = (
        Permission.objects.filter(content_type__app_label=app_label, codename=codename)
        .select_related("content_type")
        .first()
    )
    if row is None:
        return permission
    model, action = row.content_type.model_class(), codename.split("_", 1)[0]
    if model and action in _DEFAULT_ACTIONS and codename == get_permission_codename(action, model._meta):
        return str(_DEFAULT_ACTIONS[action]) % {"model": model._meta.verbose_name}
    return _(row.name)
