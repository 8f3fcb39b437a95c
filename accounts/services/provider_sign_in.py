"""Who comes by the provider: the account that belongs to its claims, and whether it may be used."""

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from accounts.provider import Claims
from accounts.services import confirmations
from accounts.services.sign_in import Deactivated, at_the_door
from audit.context import Doorkeeper
from audit.errors import DomainError, SignatureRefused
from audit.journal import change
from audit.models import SecurityEventKind as Kind
from audit.security import note


class NoAccount(DomainError):
    """Nobody here belongs to these claims; there is no sign-up."""

    code = "no_account"


def sign_in(claims: Claims) -> User:
    """The account of these claims. Raises NoAccount, or Deactivated; of a locked one nothing else is told."""
    user = User.objects.filter(provider_subject=claims.identity).first() or _first_time(claims)
    if user is None:
        with at_the_door(Doorkeeper(), "refuse_sign_in"):
            note(Kind.NAME_UNKNOWN, name_typed=claims.username, detail="provider")
        raise NoAccount(_("The provider knows you, but no account here is set to it. An administrator can do that."))
    with at_the_door(user, "sign_in"):
        now = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        allowed = now.is_active and not now.locked_at and now.provider_subject == claims.identity
        note(Kind.SIGNED_IN if allowed else Kind.REFUSED, user=now, name_typed=claims.username, detail="provider")
    if not now.is_active:
        raise Deactivated
    if not allowed:
        raise NoAccount(_("This account is locked. Another person has to unlock it."))
    return now


def confirm(user: User, claims: Claims, *, asked_at: dt.datetime) -> None:
    """The provider has asked the person of this session anew. Raises SignatureRefused, and notes why."""
    why = ""
    if claims.identity != user.provider_subject:
        why = _("The provider confirmed somebody else than you. Nothing was signed.")
    elif not claims.authenticated_after(asked_at):
        why = _("The provider did not ask you again. Nothing was signed; tell your administrator.")
    elif not user.is_active or user.locked_at:
        why = _("This account is locked. Another person has to unlock it.")
    if why:
        refuse(user, why)
    confirmations.give(user, authenticated_at=claims.auth_time)


def refuse(user: Any, why: str) -> None:
    with change("refuse_signature"):
        note(Kind.SIGNING_REFUSED, user=user, detail=f"provider: {why}")
    raise SignatureRefused(why)


def _first_time(claims: Claims) -> User | None:
    """The account an administrator set to the provider and nobody has come to yet, by its name or its e-mail."""
    waiting = User.objects.filter(uses_provider=True, provider_subject="", is_person=True)
    user = _only(waiting, claims)
    if user is None:
        return None
    with at_the_door(user, "link_provider"):
        row = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if row.provider_subject or not row.uses_provider:
            return None
        row.provider_subject = claims.identity
        row.save(update_fields=["provider_subject"])
        note(Kind.PROVIDER_LINKED, user=row, name_typed=claims.username, detail=claims.identity)
    return row


def _only(waiting: Any, claims: Claims) -> User | None:
    """The name as people spell it; an e-mail only when the provider has verified it and one account has it."""
    named = User.objects.spelled_like(claims.username).filter(pk__in=waiting).first()
    if named is not None:
        return named
    by_mail = list(waiting.filter(email__iexact=claims.email)[:2]) if claims.email else []
    return by_mail[0] if len(by_mail) == 1 else None
