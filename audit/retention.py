"""Policies of retention and legal holds: who sets them, and with what reason. The database enforces them."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from audit import master_data
from audit.context import require
from audit.errors import Conflict, InvalidInput, NotFound
from audit.journal import change
from audit.models import JournalEntry, LegalHold, RetentionPolicy
from audit.queries.retention import policy_types
from audit.records import guarded
from audit.verification.shipped import journalled

PLACE, LIFT = "audit.place_legalhold", "audit.lift_legalhold"


def set_policy(*, record_type: str, years: int, basis: str) -> RetentionPolicy:
    """Say how long records of a type are kept that had no policy of their own so far."""
    if record_type not in dict(policy_types()):
        text = _("Records of this type have no policy of their own.")
        raise InvalidInput(text, fields={"record_type": text})
    return master_data.create_record(RetentionPolicy, record_type=record_type, years=years, basis=basis)


def update_policy(*, pk: UUID, expected_version: int | None, reason: str, **changes: Any) -> RetentionPolicy:
    """Other years, or another basis. The type stays."""
    changes.pop("record_type", None)
    return master_data.update_record(
        RetentionPolicy, pk=pk, expected_version=expected_version, reason=reason, **changes
    )


def place_hold(*, record_type: str = "", record_key: str = "", reason: str) -> LegalHold:
    """From now on nothing it covers is deleted: one record, a type (no key), or everything (no type)."""
    actor = require(PLACE)
    _by_a_person(actor)
    record_key = record_key.strip()
    if not reason.strip():
        text = _("Say why.")
        raise InvalidInput(text, fields={"reason": text})
    if record_type and record_type not in journalled():
        text = _("There is no such record type.")
        raise InvalidInput(text, fields={"record_type": text})
    if record_key and record_type and not _is_known(record_type, record_key):
        text = _("The journal knows no such record.")
        raise InvalidInput(text, fields={"record_key": text})
    hold = LegalHold(record_type=record_type, record_key=record_key, reason=reason, placed_by=actor)
    with guarded(LegalHold), change("place_hold", reason):
        hold.save(force_insert=True)
    return hold


def lift_hold(*, hold_id: UUID, reason: str) -> LegalHold:
    """From now on the years of the policies alone decide. That there was a hold is kept."""
    actor = require(LIFT)
    _by_a_person(actor)
    with change("update_hold", reason):
        hold = LegalHold.objects.select_for_update().filter(pk=hold_id).first()
        if hold is None:
            raise NotFound(_("This legal hold does not exist."))
        if hold.lifted_at is not None:
            raise Conflict(_("This legal hold was lifted already."))
        hold.lifted_at, hold.lifted_by, hold.lift_reason = timezone.now(), actor, reason
        hold.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
    return hold


def _by_a_person(actor: Any) -> None:
    if not actor.is_person:
        raise InvalidInput(_("A legal hold is placed and lifted by a person."))


def _is_known(record_type: str, record_key: str) -> bool:
    return bool(JournalEntry.objects.filter(table_name=record_type, pk_text=record_key).exists())
