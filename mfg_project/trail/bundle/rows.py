"""Rows of an export: each value with label, unit, code and words, when it was first entered, and what changed since.

A row is read as the journal tells rows, so that one that is gone and one that is there look alike.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg.sql import SQL, Identifier

from audit.models import JournalEntry
from audit.models.journal import ExactNumbers, Operation
from audit.verification.replay import live_row
from audit.verification.shipped import journalled
from mfg_project.trail.bundle.parts import UNITS
from mfg_project.trail.names import column_label, field_of, names_of
from mfg_project.trail.rows import BOOKKEEPING, value_of

BATCH = 500
STATE = frozenset({"status", "status_before_hold"})  # the history of states tells of these


@dataclass(frozen=True, slots=True)
class Shown:
    """One value of a row."""

    column: str
    label: str
    raw: Any  # as the journal holds it: decimals digit for digit as text
    text: str
    code: str  # what `text` stands for, where it is not the value itself
    unit: str

    @property
    def with_unit(self) -> str:
        return f"{self.text} {self.unit}" if self.unit and self.raw is not None else self.text


@dataclass(frozen=True, slots=True)
class Event:
    entry: int
    at: Any
    by: str
    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A value that was changed after it was first entered (EU GMP Annex 11, 8.2)."""

    column: str
    label: str
    old: Shown
    new: Shown
    event: Event


@dataclass(slots=True)
class Row:
    key: str
    name: str
    values: list[Shown]
    recorded: Event | None  # None: from before the journal began
    gone: Event | None
    corrections: list[Correction] = field(default_factory=list)

    @property
    def version(self) -> int | None:
        found = next((shown.raw for shown in self.values if shown.column == "version"), None)
        return found if isinstance(found, int) else None


def derived(model: type[Model]) -> frozenset[str]:
    """Sums over other rows, which are the evidence: they are no entries of anybody."""
    return frozenset(getattr(model, "DERIVED_FIELDS", ()))


def says_nothing_new(model: type[Model] | None) -> list[str]:
    """Columns whose change alone is no correction: sums carried forward, and the version's own columns."""
    return sorted(BOOKKEEPING | (derived(model) if model else frozenset()))


def rows_of(model: type[Model], keys: Sequence[str]) -> Iterator[Row]:
    """The rows with these keys in this order, there or gone; a key that neither the table nor the journal knows has
    none."""
    for start in range(0, len(keys), BATCH):
        yield from _Batch(model, keys[start : start + BATCH]).rows()


class _Batch:
    def __init__(self, model: type[Model], keys: Sequence[str]) -> None:
        self.model, self.keys = model, keys
        self.raw = _live(model, keys)
        self.created: dict[str, JournalEntry] = {}
        self.deleted: dict[str, JournalEntry] = {}
        self.changed: dict[str, list[JournalEntry]] = {}
        for entry in _entries(model, keys):
            self._take(entry)
        self.names = names_of(self._records())
        self.units = _units(model, self.raw.values())

    def _take(self, entry: JournalEntry) -> None:
        if entry.op == Operation.INSERT:
            self.created[entry.pk_text] = entry
        elif entry.op == Operation.UPDATE:
            self.changed.setdefault(entry.pk_text, []).append(entry)
        elif entry.pk_text not in self.raw:
            self.deleted[entry.pk_text] = entry
            self.raw[entry.pk_text] = entry.old or {}

    def rows(self) -> Iterator[Row]:
        for key in self.keys:
            if key in self.raw:
                yield self._row(key, self.raw[key])

    def _row(self, key: str, raw: dict[str, Any]) -> Row:
        label = self.model._meta.label
        return Row(
            key=key,
            name=self.names.get((label, key), key),
            values=[self._shown(key, column, raw.get(column)) for column in _columns(self.model, raw)],
            recorded=event_of(self.created.get(key)),
            gone=event_of(self.deleted.get(key)),
            corrections=[
                correction for entry in self.changed.get(key, ()) for correction in self._corrections(key, entry)
            ],
        )

    def _corrections(self, key: str, entry: JournalEntry) -> Iterator[Correction]:
        skipped = BOOKKEEPING | derived(self.model) | STATE
        event = event_of(entry)
        assert event is not None  # noqa: S101 for the type checker
        for column in _columns(self.model, entry.new or {}):
            old = (entry.old or {}).get(column)
            if column in (entry.changed or ()) and column not in skipped and old not in (None, ""):
                shown = self._shown(key, column, old)
                yield Correction(column, shown.label, shown, self._shown(key, column, (entry.new or {})[column]), event)

    def _shown(self, key: str, column: str, raw: Any) -> Shown:
        value = value_of(self.model, column, raw, self.names)
        return Shown(
            column, column_label(self.model, column), raw, value.text, value.raw, self.units.get((key, column), "")
        )

    def _records(self) -> Iterator[tuple[type[Model], Any]]:
        rows = [(key, raw) for key, raw in self.raw.items()]
        rows += [(entry.pk_text, entry.old or {}) for entries in self.changed.values() for entry in entries]
        for key, raw in rows:
            yield self.model, key
            for column, value in raw.items():
                found = field_of(self.model, column)
                if found is not None and found.is_relation and value is not None:
                    yield found.related_model, value  # type: ignore[misc]


def event_of(entry: JournalEntry | None) -> Event | None:
    if entry is None:
        return None
    return Event(entry.id, entry.at, entry.actor_name, entry.reason_code, entry.reason)


def _columns(model: type[Model], raw: dict[str, Any]) -> list[str]:
    """In the order of the model; what it no longer has comes last."""
    known = [str(each.column) for each in model._meta.concrete_fields]
    return [column for column in known if column in raw] + [column for column in raw if column not in known]


def _live(model: type[Model], keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    journal = journalled()[model._meta.db_table]
    kind = str(model._meta.pk.db_type(connection)).partition("(")[0]
    query = SQL("SELECT t.{key}::text, {row}::text FROM {table} t WHERE t.{key} = ANY (%s::{kind}[])").format(
        key=Identifier(journal.key), row=live_row(journal, SQL("t")), table=Identifier(journal.table), kind=SQL(kind)
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [list(keys)])
        return {key: json.loads(text, cls=ExactNumbers) for key, text in cursor.fetchall()}


def _entries(model: type[Model], keys: Sequence[str]) -> Iterator[JournalEntry]:
    """Creation, deletion and every change that says something new."""
    found = JournalEntry.objects.filter(table_name=model._meta.db_table, pk_text__in=keys)
    return iter(
        found.exclude(op=Operation.UPDATE, changed__contained_by=says_nothing_new(model)).order_by("id").iterator(BATCH)
    )


def _units(model: type[Model], rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """(key, column) -> unit."""
    paths = {column: path for (label, column), path in UNITS.items() if label == model._meta.label}
    if not paths:
        return {}
    pk = str(model._meta.pk.column)
    rows = list(rows)
    units: dict[tuple[str, str], str] = {}
    for path in set(paths.values()):
        column, _sep, rest = path.partition("__")
        named = _far_units(model, column, rest, rows) if rest else {}
        for raw in rows:
            unit = named.get(str(raw.get(column)), "") if rest else str(raw.get(column) or "")
            units |= {(str(raw[pk]), name): unit for name, each in paths.items() if each == path}
    return units


def _far_units(model: type[Model], column: str, rest: str, rows: list[dict[str, Any]]) -> dict[str, str]:
    found = field_of(model, column)
    assert found is not None  # noqa: S101 UNITS names columns of the model
    keys = {raw[column] for raw in rows if raw.get(column) is not None}
    related: Any = found.related_model
    return {str(key): unit for key, unit in related._base_manager.filter(pk__in=keys).values_list("pk", rest)}
