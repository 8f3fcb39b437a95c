"""Electronic signatures: the one entry point. Confirm who signs first, then sign inside the service."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import connection
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from audit import signing_windows
from audit.canonical import CANONICAL_FORM, digest, plain
from audit.context import current_act
from audit.errors import InvalidInput, SignatureRefused, SignatureRequired, StaleVersion
from audit.journal import change
from audit.meanings import Meaning
from audit.models import SecurityEventKind, Signature, SigningWindow
from audit.plant_clock import offset_minutes, plant_zone, with_offset
from audit.policies import Round
from audit.records import guarded
from audit.security import note, wrong_passwords
from audit.signing_windows import Sitting

__all__ = ["ConfirmedIdentity", "Meaning", "Sitting", "confirm_identity", "sign", "signatures_of"]

IDENTITY_LASTS = dt.timedelta(minutes=1)


class Signable(Protocol):
    pk: Any
    version: int
    _meta: ClassVar[Any]

    def signed_content(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class ConfirmedIdentity:
    """Proof that `user` presented these components again at `at`, sitting in a session or, as a program does, not."""

    user: Any
    at: dt.datetime
    components: tuple[str, ...]
    sitting: Sitting | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a person gave at the door to sign one step of a record."""

    identity: ConfirmedIdentity | None
    meaning: str
    comment: str = ""
    digest: str = ""  # of the content that was shown; empty where none was, for programs
    step: int | None = None  # which of the signatures it was shown to be


def confirm_identity(
    *, user: Any, password: str, username: str = "", code: str = "", sitting: Sitting | None = None
) -> ConfirmedIdentity:
    """Re-authenticate the signer, and ask whether the account may sign at all today.

    The user name may be left out only within a signing window of this very sitting. Call it before opening a
    transaction: a refusal must leave its security event behind, and a rollback would erase it. Raises
    SignatureRefused; a wrong password, or the name of somebody else, counts towards the lock of the account.
    """
    if why := user.why_not_sign():
        refuse(user, why)
    window = signing_windows.usable(user, sitting)
    if not username and window is None:
        raise SignatureRefused(_("Enter your user name as well: no series of signatures is open."), full=True)
    confirmed = authenticate(
        username=user.get_username(), password=password, code=code, signing=True, name_typed=username
    )
    if confirmed is None or confirmed.pk != user.pk:
        raise SignatureRefused(_why_refused(user, with_name=bool(username)))
    named = ("id",) if username else ()
    return ConfirmedIdentity(confirmed, timezone.now(), (*named, *confirmed.presented), sitting)


def refuse(user: Any, why: str) -> None:
    """Refuse to sign, and keep that it was tried. Outside a transaction, which the refusal would roll back."""
    with change("refuse_signature"):
        note(SecurityEventKind.SIGNING_REFUSED, user=user, detail=why)
    raise SignatureRefused(why)


@contextmanager
def refusals_kept() -> Iterator[None]:
    """Around the transaction that signs: when the rules refuse the person, that it was tried is kept."""
    try:
        yield
    except SignatureRequired:
        raise
    except SignatureRefused as refused:
        with change("refuse_signature"):
            note(SecurityEventKind.SIGNING_REFUSED, user=current_act().actor, detail=str(refused))
        raise


def _why_refused(user: Any, *, with_name: bool) -> str:
    user.refresh_from_db(fields=["locked_at", "unlocked_at"])
    counts = {"count": wrong_passwords(user), "allowed": settings.LOCKOUT_FAILURES}
    if user.locked_at:
        return _(
            "Your account is locked after %(count)s wrong passwords; another person has to unlock it."
            " Nothing was signed."
        ) % {"count": counts["count"]}
    if with_name:
        return _("User name or password is wrong (attempt %(count)s of %(allowed)s). Nothing was signed.") % counts
    return _("The password is wrong (attempt %(count)s of %(allowed)s). Nothing was signed.") % counts


def sign(record: Signable, *, identity: ConfirmedIdentity | None, meaning: str, comment: str = "") -> Signature:
    """Sign the current version of a locked record as the current actor, outside any step of a state machine.

    Raises SignatureRefused without a fresh identity of the actor.
    """
    if meaning not in Meaning.values:
        raise SignatureRefused(_("Choose what your signature means."))
    return _write(record, _fresh(identity), meaning=meaning, comment=comment, content=record.signed_content())


def sign_step(
    record: Signable, asked: Round, signing: Signing | None, *, transition: str, previous: str, new: str
) -> Signature:
    """Give the next signature of a step on a locked record; called by the transition engine.

    `new` is the state it leads to, "" when further signatures are needed first. Raises SignatureRequired without
    one, StaleVersion when what was shown is no longer so, InvalidInput (meaning) or SignatureRefused (the person).
    """
    if signing is None or signing.identity is None:
        raise SignatureRequired(_("This step needs your signature."), signature=asked.next.step)
    identity = _fresh(signing.identity)
    if signing.step not in (None, asked.next.step):
        raise StaleVersion(_("The signatures changed since you opened it. Nothing was signed. Read it again."))
    if signing.digest not in ("", asked.digest):
        raise StaleVersion(_("The content changed since you opened it. Nothing was signed. Read it again."))
    if why := asked.why_not(identity.user):
        raise SignatureRefused(why)
    if signing.meaning not in asked.next.meanings:
        raise InvalidInput(_("Choose what your signature means."), fields={"meaning": _("Choose a meaning.")})
    return _write(
        record,
        identity,
        meaning=signing.meaning,
        comment=signing.comment,
        content=record.signed_content(),
        transition=transition,
        step_no=asked.next.step,
        previous_state=previous,
        new_state=new,
        policy=asked.policy,
        policy_version=asked.policy.version,
    )


def _fresh(identity: ConfirmedIdentity | None) -> ConfirmedIdentity:
    actor = current_act().actor
    if identity is None or identity.user.pk != actor.pk or timezone.now() - identity.at > IDENTITY_LASTS:
        raise SignatureRefused(_("This step needs your signature: enter your password again."))
    return identity


def _write(
    record: Signable,
    identity: ConfirmedIdentity,
    *,
    meaning: str,
    comment: str,
    content: dict[str, Any],
    **of_a_step: Any,
) -> Signature:
    act, at, zone = current_act(), _database_time(), plant_zone()
    window, first = _window(identity)
    with translation.override("en"):
        label = str(Meaning(meaning).label)
    with guarded(Signature):
        return Signature.objects.create(
            signed_at=at,
            plant_zone=zone.key,
            plant_offset=offset_minutes(at, zone),
            signer=act.actor,
            signer_name=act.actor.printed_name,
            signer_title=act.actor.title,
            meaning=meaning,
            meaning_label=label,
            record_label=record._meta.label_lower,
            record_pk=str(record.pk),
            record_name=name_of(record),
            record_version=record.version,
            digest=digest(content),
            canonical_form=CANONICAL_FORM,
            content=plain(content),
            components=list(identity.components),
            window=window,
            first_in_window=first,
            station=act.station,
            act_id=act.id,
            source=act.source,
            comment=comment,
            **of_a_step,
        )


def _window(identity: ConfirmedIdentity) -> tuple[SigningWindow | None, bool | None]:
    """The window it is given in, and whether it opens it. A program has none: it presents everything each time."""
    if identity.sitting is None:
        return None, None
    return signing_windows.enter(identity.user, identity.sitting, may_open="id" in identity.components)


def name_of(record: Any) -> str:
    named = getattr(record, "signed_name", None)
    return str(named() if named else record)[:200]


def _database_time() -> dt.datetime:
    """The time of this transaction: evidence is not told the time by the machine the code runs on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        (at,) = cursor.fetchone()
    return at


@dataclass(frozen=True, slots=True)
class SignatureView:
    """A signature as it is shown everywhere: with whether the record still is what was signed."""

    signature: Signature
    content_matches: bool

    @property
    def meaning_label(self) -> str:
        return meaning_label(self.signature)

    @property
    def when(self) -> str:
        return signed_when(self.signature)


def meaning_label(signature: Signature) -> str:
    known = signature.meaning in Meaning.values
    return str(Meaning(signature.meaning).label) if known else signature.meaning_label or signature.meaning


def signed_when(signature: Signature) -> str:
    """The moment in plant time with the offset it had then, and in UTC."""
    return with_offset(signature.signed_at, zone=signature.plant_zone, offset=signature.plant_offset)


def signatures_of(record: Signable) -> list[SignatureView]:
    rows = Signature.objects.filter(record_label=record._meta.label_lower, record_pk=str(record.pk)).order_by(
        "signed_at", "step_no"
    )
    return judged(rows, record)


def judged(rows: Iterable[Signature], record: Signable) -> list[SignatureView]:
    """Signatures on `record`, each with whether the record still is what was signed."""
    current = digest(record.signed_content())
    return [SignatureView(row, row.digest == current) for row in rows]
