"""Everything there is of one record, as keys: read once, told in three forms (JSON, paper, proofs)."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.utils.text import capfirst

from audit import access
from audit.models import AuditedModel, JournalEntry, Signature, StateChange
from audit.models.journal import Operation
from audit.queries.integrity import differs_from_journal
from mfg_project.trail.bundle.parts import Part, parts_of
from mfg_project.trail.bundle.rows import BATCH, Row, rows_of, says_nothing_new
from mfg_project.trail.names import journalled_models
from mfg_project.trail.rows import instant

Model_ = type[Model]


@dataclass(frozen=True, slots=True)
class PartKeys:
    part: Part
    keys: list[str]  # those that are there, then those that are gone
    gone: int
    unseen: int  # of lines the account does not work on

    @property
    def model(self) -> Model_:
        return self.part.model

    def rows(self) -> Iterator[Row]:
        return rows_of(self.model, self.keys)


@dataclass(frozen=True)
class RecordCopy:
    """One record with all that belongs to it."""

    model: Model_
    key: str
    row: Row
    parts: list[PartKeys]
    entry_ids: list[int] = field(default_factory=list)

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def is_gone(self) -> bool:
        return self.row.gone is not None

    @property
    def unseen(self) -> int:
        return sum(part.unseen for part in self.parts)

    @cached_property
    def members(self) -> list[tuple[Model_, list[str]]]:
        """The record and its parts, by type."""
        return [(self.model, [self.key]), *((part.model, part.keys) for part in self.parts if part.keys)]

    @cached_property
    def differing(self) -> list[str]:
        """Labels of fields whose stored value is not what the journal says: somebody wrote past it."""
        record = self.model._base_manager.filter(pk=self.key).first()
        return [str(capfirst(field.verbose_name)) for field in differs_from_journal(record)] if record else []

    def signatures(self) -> QuerySet[Signature]:
        return Signature.objects.filter(_evidence_of(self.members)).order_by("signed_at", "pk")

    def state_changes(self) -> QuerySet[StateChange]:
        return StateChange.objects.filter(_evidence_of(self.members)).order_by("pk")

    def versions(self) -> Iterator[tuple[Model_, str, list[str]]]:
        """Type, history table and keys of those that keep versions."""
        for model, keys in self.members:
            if issubclass(model, AuditedModel):
                yield model, model.history.model._meta.db_table, keys

    def entries(self) -> Iterator[JournalEntry]:
        """Oldest first."""
        for start in range(0, len(self.entry_ids), BATCH):
            yield from JournalEntry.objects.filter(id__in=self.entry_ids[start : start + BATCH]).order_by("id")

    def telling_entries(self) -> Iterator[JournalEntry]:
        """Those a person reads: the record's own, and of what is listed beside it (parts, signatures, states) what
        changed it after it was first entered."""
        listed = {part.model._meta.db_table: part.model for part in self.parts}
        listed |= {model._meta.db_table: model for model in (Signature, StateChange) if model is not self.model}
        for entry in self.entries():
            model = listed.get(entry.table_name)
            if entry.op == Operation.UPDATE:
                known = set(says_nothing_new(model or journalled_models().get(entry.table_name)))
                if set(entry.changed or ()) - known:
                    yield entry
            elif model is None or entry.op == Operation.DELETE:
                yield entry


def copy_of(model: Model_, key: str) -> RecordCopy | None:
    """None: neither the table nor the journal knows the key. Call it in a snapshot."""
    row = next(rows_of(model, [key]), None)
    if row is None:
        return None
    found: dict[str, PartKeys] = {}
    for part in parts_of(model):
        of = found[part.of].keys if part.of else [key]
        found[part.label] = _linked(part, row) if part.link else _below(part, of)
    parts = list(found.values())
    copy = RecordCopy(model, key, row, parts)
    return RecordCopy(model, key, row, parts, sorted(entry_ids(copy)))


def _linked(part: Part, row: Row) -> PartKeys:
    key = next((shown.raw for shown in row.values if shown.column == part.link), None)
    if key is None:
        return PartKeys(part, [], 0, 0)
    rows = part.model._base_manager.filter(pk=key)
    seen = access.visible(rows).exists() or not rows.exists()
    return PartKeys(part, [str(key)] if seen else [], 0, int(not seen))


def _below(part: Part, of: list[str]) -> PartKeys:
    rows = part.model._base_manager.filter(**{f"{part.column}__in": of})
    there = [str(key) for key in access.visible(rows).order_by("pk").values_list("pk", flat=True)]
    unseen = rows.count() - len(there) if access.is_limited(part.model) else 0
    known = set(there)
    gone = [key for key in _gone(part, of) if key not in known]
    return PartKeys(part, [*there, *gone], len(gone), unseen)


def _gone(part: Part, of: list[str]) -> list[str]:
    """Rows of this record that were deleted, as their last entry says."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pk FROM journal_entry WHERE table_name = %s AND op = 'D' AND old ->> %s = ANY (%s) ORDER BY id",
            [part.model._meta.db_table, part.column, of],
        )
        return [key for (key,) in cursor.fetchall()]


def entry_ids(copy: RecordCopy) -> Iterator[int]:
    """Entries of the record, its parts, and of the evidence about them."""
    members = list(copy.members)
    members.append((Signature, [str(key) for key in copy.signatures().values_list("pk", flat=True)]))
    members.append((StateChange, [str(key) for key in copy.state_changes().values_list("pk", flat=True)]))
    for model, keys in members:
        yield from JournalEntry.objects.filter(table_name=model._meta.db_table, pk_text__in=keys).values_list(
            "id", flat=True
        )


def _evidence_of(members: Iterable[tuple[Model_, list[str]]]) -> Q:
    found = Q(pk__in=[])
    for model, keys in members:
        found |= Q(record_label=model._meta.label_lower, record_pk__in=keys)
    return found


@dataclass(frozen=True, slots=True)
class Exported:
    """Who took the copy, when, and how."""

    by: str
    by_key: str
    at: dt.datetime
    version: str  # of the application
    language: str
    time_zone: str
    holds: tuple[int, ...] = ()  # sizes of checkpoints the reader has from elsewhere

    def as_json(self) -> dict[str, Any]:
        return {
            "by": self.by,
            "by_key": self.by_key,
            "at": instant(self.at),
            "application_version": self.version,
            "language": self.language,
            "time_zone": self.time_zone,
        }
