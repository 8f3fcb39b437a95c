"""The one way an audited record is written: actor, version, integrity digest, and the database's word.

Rules of one row live in the database; a violated constraint comes back as its own translated message.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.utils.translation import gettext as _
from simple_history.utils import bulk_create_with_history

from audit.canonical import digest
from audit.context import current_act
from audit.errors import Conflict, DomainError, InvalidInput, StaleVersion
from audit.journal import change
from audit.models.base import AuditedModel

Record = TypeVar("Record", bound=AuditedModel)

UNIQUE_VIOLATION = "23505"


def create(record: Record, *, reason: str = "") -> Record:
    """Insert a new record as the current actor. Raises InvalidInput or Conflict, and then wrote nothing."""
    record.created_by = record.updated_by = current_act().actor
    return _save(record, reason=reason, force_insert=True)


def create_many(new: Sequence[Record], *, reason: str = "") -> None:
    """Insert many new records of one model as the current actor, all or none. Raises InvalidInput or Conflict."""
    if not new:
        return
    actor, model = current_act().actor, type(new[0])
    foreign = {f.name for f in model._meta.concrete_fields if f.is_relation}  # a query each; the database checks them
    for record in new:
        record.created_by = record.updated_by = actor
        _make_ready(record, exclude=foreign)
    with guarded(model), change("create_records", reason):
        bulk_create_with_history(
            new, model, batch_size=1000, default_user=actor, default_change_reason=reason or current_act().reason
        )


def update(record: Record, *, reason: str = "", expected_version: int | None = None, **changes: Any) -> Record:
    """Set `changes` on a locked record and save it as its next version.

    Raises StaleVersion when the caller saw another version, InvalidInput or Conflict when a rule is broken.
    """
    check_version(record, expected_version)
    changed = {name: value for name, value in changes.items() if getattr(record, name) != value}
    if not changed:
        return record
    for name, value in changed.items():
        setattr(record, name, value)
    record.version += 1
    record.updated_by = current_act().actor
    return _save(record, reason=reason)


def check_version(record: AuditedModel, expected_version: int | None) -> None:
    if expected_version is not None and expected_version != record.version:
        raise StaleVersion(
            _("Somebody else changed this record (now version %(now)s, you saw %(seen)s). Nothing was saved.")
            % {"now": record.version, "seen": expected_version},
            version=record.version,
        )


def integrity_digest(record: AuditedModel) -> str:
    """SHA-256 over every regulated field of this version (DBO-69); derived fields are named by the model."""
    left_out = {
        "data_integrity_hash",
        "electronic_signature",
        "updated_at",
        *getattr(record, "DERIVED_FIELDS", ()),
    }
    fields = [f for f in record._meta.concrete_fields if f.name not in left_out]
    return digest({f.attname: _at_stored_scale(f, getattr(record, f.attname)) for f in fields})


def _at_stored_scale(field: Any, value: Any) -> Any:
    """10 and 10.0000 are one stored value: the digest takes the column's scale."""
    if isinstance(field, models.DecimalField) and field.decimal_places is not None and value is not None:
        return Decimal(value).quantize(Decimal(1).scaleb(-field.decimal_places))
    return value


def _save(record: Record, *, reason: str, force_insert: bool = False) -> Record:
    record._change_reason = reason or current_act().reason or None  # type: ignore[attr-defined]
    _make_ready(record)
    with guarded(type(record)), change("create_record" if force_insert else "update_record", reason):
        record.save(force_insert=force_insert)
    return record


def _make_ready(record: Record, *, exclude: Collection[str] = ()) -> None:
    try:
        record.clean_fields(exclude=exclude)
    except ValidationError as wrong:
        fields = {name: " ".join(messages) for name, messages in wrong.message_dict.items()}
        raise InvalidInput(" ".join(fields.values()), fields=fields) from wrong
    if hasattr(record, "data_integrity_hash"):
        record.data_integrity_hash = integrity_digest(record)


class guarded:
    """Turns a constraint the database refused into the refusal its model declares for it."""

    def __init__(self, *model_classes: type[models.Model]) -> None:
        self.model_classes = model_classes

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        if isinstance(error, IntegrityError):
            raise self.refusal(error) from error

    def refusal(self, error: IntegrityError) -> DomainError:
        diag = getattr(error.__cause__, "diag", None)
        name, state = getattr(diag, "constraint_name", None), getattr(diag, "sqlstate", "")
        for model in self.model_classes:
            for constraint in model._meta.constraints:
                if constraint.name == name:
                    kind = InvalidInput if isinstance(constraint, models.CheckConstraint) else Conflict
                    return kind(constraint.get_violation_error_message())
        if state == UNIQUE_VIOLATION:
            return Conflict(_("A record with this number or code already exists."))
        return Conflict(_("The change contradicts other records and was not saved."))
