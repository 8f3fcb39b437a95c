"""Journal entries as people read them: old beside new, in words, with the raw value where words stand for it."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from audit.models import JournalEntry
from audit.models.journal import Operation
from audit.queries.trail import Seal, TrailPage
from mfg_project.common.formats import UNKNOWN, both_zones, exact, number
from mfg_project.trail.names import Names, column_label, field_of, model_of, names_of, table_label
from production.views.order_rows import priority_label
from production.views.signed_content import readable

# About the version itself: shown, but after what was changed.
BOOKKEEPING = frozenset(
    {
        "id",
        "version",
        "created_at",
        "created_by_id",
        "updated_at",
        "updated_by_id",
        "data_integrity_hash",
        "electronic_signature",
        "client_token",
    }
)
WORDS = {("work_orders", "priority"): priority_label}  # values whose words are no choices of the field
FIRST_SHOWN = 4  # values of a record that was created or deleted; the rest is one click away
ICONS = {
    Operation.INSERT: "plus",
    Operation.UPDATE: "pen-line",
    Operation.DELETE: "x",
    Operation.STRUCTURE: "wrench",
}


@dataclass(frozen=True, slots=True)
class Value:
    text: str
    raw: str  # "" where the text is the value itself


@dataclass(frozen=True, slots=True)
class Change:
    column: str
    label: str
    old: Value | None  # None: there was no row before, or is none after
    new: Value | None


@dataclass(frozen=True, slots=True)
class TrailRow:
    id: int
    when: str
    utc: str
    iso: str
    icon: str
    tone: str
    action: str
    type: str
    record: str
    record_url: str
    who: str
    behalf: str
    is_program: bool
    reason: str
    step: str
    source: str
    station: str
    request_url: str
    changes: list[Change]
    more: list[Change]
    sealed: str  # where in the tree; "" while the seal is pending


def trail_rows(page: TrailPage) -> list[TrailRow]:
    names = names_of(_records_in(page.entries))
    return [_row(entry, page, names) for entry in page.entries]


def record_name(entry: JournalEntry, names: Names) -> str:
    model = model_of(entry.table_name)
    return (names.get((model._meta.label, entry.pk_text)) if model else None) or entry.pk_text


def changes_of(entry: JournalEntry, names: Names) -> list[Change]:
    """Every value the entry holds, in the order of the model's fields."""
    model = model_of(entry.table_name)
    old, new = entry.old, entry.new
    columns = list((new or {}) | (old or {}))
    known = [field.column for field in model._meta.concrete_fields] if model else []
    columns.sort(key=lambda column: known.index(column) if column in known else len(known))
    return [
        Change(
            column,
            column_label(model, column),
            None if old is None else value_of(model, column, old.get(column), names),
            None if new is None else value_of(model, column, new.get(column), names),
        )
        for column in columns
    ]


def names_in(entries: Iterable[JournalEntry]) -> Names:
    return names_of(_records_in(entries))


def plant_time(at: dt.datetime) -> str:
    """With the offset it had then: 2026-01-31 17:05:09 +09:00."""
    return timezone.localtime(at).isoformat(sep=" ", timespec="seconds").replace("+", " +")


def _records_in(entries: Iterable[JournalEntry]) -> Iterator[tuple[type[models.Model], Any]]:
    for entry in entries:
        model = model_of(entry.table_name)
        if model is None:
            continue
        yield model, entry.pk_text
        for values in (entry.old, entry.new):
            for column, value in (values or {}).items():
                field = field_of(model, column)
                if field is not None and field.is_relation and value is not None:
                    yield field.related_model, value  # type: ignore[misc]


def _row(entry: JournalEntry, page: TrailPage, names: Names) -> TrailRow:
    changes = changes_of(entry, names)
    shown, more = _in_two(entry, changes)
    seal = page.seals.get(entry.id)
    return TrailRow(
        id=entry.id,
        when=plant_time(entry.at),
        utc=f"{entry.at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC",
        iso=entry.at.astimezone(dt.UTC).isoformat(),
        icon=ICONS[Operation(entry.op)],
        tone="attention" if entry.op in (Operation.DELETE, Operation.STRUCTURE) else "",
        action=str(Operation(entry.op).label),
        type=table_label(entry.table_name),
        record=record_name(entry, names),
        record_url=_record_url(entry),
        who=entry.actor_name,
        behalf=entry.on_behalf_of or "",
        is_program=entry.actor_type != "user",
        reason=entry.reason,
        step=entry.reason_code,
        source=entry.source,
        station=entry.station,
        request_url=f"{reverse('trail:list')}?request={entry.request_id}",
        changes=shown,
        more=more,
        sealed=_("Sealed as entry %(index)s of epoch %(epoch)s") % {"index": seal.index, "epoch": seal.epoch}
        if seal
        else "",
    )


def _record_url(entry: JournalEntry) -> str:
    if entry.op == Operation.STRUCTURE:  # of no record
        return ""
    return reverse("trail:record", args=[entry.table_name, entry.pk_text])


def _in_two(entry: JournalEntry, changes: list[Change]) -> tuple[list[Change], list[Change]]:
    """What is read at once, and the rest."""
    news = [change for change in changes if change.column not in BOOKKEEPING]
    if entry.op != Operation.UPDATE:
        news = [change for change in news if _says_something(change)][:FIRST_SHOWN]
    return news, [change for change in changes if change not in news]


def _says_something(change: Change) -> bool:
    value = change.new or change.old
    return value is not None and value.text != UNKNOWN


def value_of(model: type[models.Model] | None, column: str, raw: Any, names: Names) -> Value:
    """A value as the journal holds it, in words."""
    if raw is None or raw == "":
        return Value(UNKNOWN, "")
    field = field_of(model, column)
    if isinstance(raw, dict) and raw.keys() == {"sha256", "length"} and not isinstance(field, models.JSONField):
        text = _("not shown (%(length)s characters)") % {"length": raw["length"]}
        return Value(text, f"SHA-256 {raw['sha256']}")
    if field is not None and field.is_relation:
        name = names.get((field.related_model._meta.label, str(raw)))  # type: ignore[union-attr]
        return Value(name, str(raw)) if name else Value(str(raw), "")
    if model is not None and (words := WORDS.get((model._meta.db_table, column))):
        return Value(words(raw), str(raw))
    if field is not None and field.flatchoices:
        label = dict(field.flatchoices).get(raw)
        return Value(str(label), str(raw)) if label is not None else Value(str(raw), "")
    return Value(_plain(field, raw), "")


def _plain(field: Any, raw: Any) -> str:
    if isinstance(raw, bool):
        return _("yes") if raw else _("no")
    if isinstance(raw, dict | list):
        return "; ".join(f"{path}: {text}" if path else text for path, text in readable(raw))
    if isinstance(field, models.DateTimeField) and (moment := parse_datetime(str(raw))):
        return both_zones(moment)
    if isinstance(field, models.DecimalField):
        try:
            return number(Decimal(str(raw))) if field.decimal_places is not None else exact(Decimal(str(raw)))
        except InvalidOperation:
            return str(raw)
    return str(raw)


def as_json(entry: JournalEntry, seal: Seal | None) -> dict[str, Any]:
    """An entry for machines, as it is."""
    return {
        "id": entry.id,
        "at": instant(entry.at),
        "transaction_at": instant(entry.tx_at),
        "operation": Operation(entry.op).name,
        "table": entry.table_name,
        "record": entry.pk_text,
        "old": entry.old,
        "new": entry.new,
        "changed": entry.changed,
        "actor_id": str(entry.actor_id) if entry.actor_id else None,
        "actor_type": entry.actor_type,
        "actor_name": entry.actor_name,
        "on_behalf_of": entry.on_behalf_of,
        "reason_code": entry.reason_code,
        "reason": entry.reason,
        "request_id": str(entry.request_id),
        "station": entry.station,
        "source": entry.source,
        "application_version": entry.app_version,
        "database_user": entry.db_user,
        "compliance_flags": entry.compliance_flags,
        "seal": {"epoch": seal.epoch, "index": seal.index} if seal else None,
    }


def instant(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
