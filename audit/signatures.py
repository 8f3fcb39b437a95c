"""Electronic signatures: the one entry point. Confirm who signs first, then sign inside the service."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.canonical import CANONICAL_FORM, digest, plain
from audit.context import current_act
from audit.errors import SignatureRefused
from audit.journal import change
from audit.models import SecurityEventKind, Signature
from audit.records import guarded
from audit.security import note, wrong_passwords

IDENTITY_LASTS = dt.timedelta(minutes=1)


class Meaning(models.TextChoices):
    """Why a person signs (21 CFR 11.50(a)(3))."""

    RELEASED = "released", gettext_lazy("Released for production")
    REVIEWED = "reviewed", gettext_lazy("Reviewed and released")
    APPROVED = "approved", gettext_lazy("Approved for production")
    TRAIL_REVIEWED = "trail_reviewed", gettext_lazy("Audit trail reviewed")


class Signable(Protocol):
    pk: Any
    version: int
    _meta: ClassVar[Any]

    def signed_content(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class ConfirmedIdentity:
    """Proof that `user` presented these components again at `at`."""

    user: Any
    at: dt.datetime
    components: tuple[str, ...]


def confirm_identity(*, user: Any, password: str, code: str = "") -> ConfirmedIdentity:
    """Re-authenticate the signer, and ask whether the account may sign at all today.

    Call it before opening a transaction: a refusal must leave its security event behind, and a rollback would
    erase it. Raises SignatureRefused; a wrong password counts towards the lock of the account.
    """
    if why := user.why_not_sign():
        with change("refuse_signature"):
            note(SecurityEventKind.SIGNING_REFUSED, user=user, detail=why)
        raise SignatureRefused(why)
    confirmed = authenticate(username=user.get_username(), password=password, code=code, signing=True)
    if confirmed is None or confirmed.pk != user.pk:
        raise SignatureRefused(_why_refused(user))
    return ConfirmedIdentity(confirmed, timezone.now(), ("id", *confirmed.signs_with()))


def _why_refused(user: Any) -> str:
    user.refresh_from_db(fields=["locked_at", "unlocked_at"])
    failed = wrong_passwords(user)
    if user.locked_at:
        return _(
            "Your account is locked after %(count)s wrong passwords; another person has to unlock it."
            " Nothing was signed."
        ) % {"count": failed}
    return _("The password is wrong (attempt %(count)s of %(allowed)s). Nothing was signed.") % {
        "count": failed,
        "allowed": settings.LOCKOUT_FAILURES,
    }


def sign(record: Signable, *, identity: ConfirmedIdentity | None, meaning: str, comment: str = "") -> Signature:
    """Sign the current version of a locked record as the current actor; called by the transition engine.

    Raises SignatureRefused without a fresh identity of the actor.
    """
    act = current_act()
    if identity is None or identity.user.pk != act.actor.pk or timezone.now() - identity.at > IDENTITY_LASTS:
        raise SignatureRefused(_("This step needs your signature: enter your password again."))
    if meaning not in Meaning.values:
        raise SignatureRefused(_("Choose what your signature means."))
    content = record.signed_content()
    with guarded(Signature):
        return Signature.objects.create(
            signer=act.actor,
            signer_name=act.actor.printed_name,
            signer_title=act.actor.title,
            meaning=meaning,
            record_label=record._meta.label_lower,
            record_pk=str(record.pk),
            record_version=record.version,
            digest=digest(content),
            canonical_form=CANONICAL_FORM,
            content=plain(content),
            components=list(identity.components),
            act_id=act.id,
            source=act.source,
            comment=comment,
        )


@dataclass(frozen=True, slots=True)
class SignatureView:
    """A signature as it is shown everywhere: with whether the record still is what was signed."""

    signature: Signature
    content_matches: bool

    @property
    def meaning_label(self) -> str:
        return str(Meaning(self.signature.meaning).label)


def signatures_of(record: Signable) -> list[SignatureView]:
    rows = Signature.objects.filter(record_label=record._meta.label_lower, record_pk=str(record.pk)).order_by(
        "signed_at"
    )
    return _judged(rows, digest(record.signed_content()))


def _judged(rows: Iterable[Signature], current: str) -> list[SignatureView]:
    return [SignatureView(row, row.digest == current) for row in rows]
