"""record.json: everything the paper says, for machines, written piece by piece."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg.sql import SQL, Identifier

from audit.models.journal import ExactNumbers
from audit.queries.trail import seals_of
from mfg_project.trail.bundle.counts import Counts
from mfg_project.trail.bundle.evidence import Signed, signature_fields, state_names
from mfg_project.trail.bundle.record import Exported, PartKeys, RecordCopy
from mfg_project.trail.bundle.rows import BATCH, Correction, Event, Row, Shown
from mfg_project.trail.names import table_label
from mfg_project.trail.rows import as_json, instant

FORMAT = "genba-record-v1"


def record_json(
    copy: RecordCopy, signatures: list[Signed], exported: Exported, counts: Counts, left_out: list[str]
) -> Iterator[bytes]:
    yield b"{\n"
    yield _member("format", FORMAT)
    yield _member("exported", exported.as_json() | {"from_version": copy.row.version})
    yield _member("record", {"table": copy.table, "type": table_label(copy.table), **_row(copy.row)})
    yield _member("differs_from_journal", copy.differing)
    yield b'"parts": [\n'
    for number, part in enumerate(copy.parts):
        yield b",\n" if number else b""
        yield from _part(part)
    yield b"\n],\n"
    yield from _list("signatures", map(_signature, signatures))
    yield from _list("state_changes", _state_changes(copy))
    yield from _list("versions", _versions(copy))
    yield from _list("entries", _entries(copy))
    yield _member("left_out", left_out)
    yield _member("counts", counts.as_json())
    yield b'"complete": true\n}\n'


def _part(part: PartKeys) -> Iterator[bytes]:
    table = part.model._meta.db_table
    head = {"table": table, "type": table_label(table), "not_in_this_copy": part.unseen}
    yield _text(head)[:-1].encode() + b', "rows": [\n'
    yield from _items(_row(row) for row in part.rows())
    yield b"]}"


def _row(row: Row) -> dict[str, Any]:
    return {
        "key": row.key,
        "name": row.name,
        "fields": [_shown(shown) for shown in row.values],
        "recorded": _event(row.recorded),
        "gone": _event(row.gone),
        "changed_since_entry": [_correction(correction) for correction in row.corrections],
    }


def _shown(shown: Shown) -> dict[str, Any]:
    found = {"column": shown.column, "label": shown.label, "value": shown.raw, "text": shown.text}
    return found | ({"code": shown.code} if shown.code else {}) | ({"unit": shown.unit} if shown.unit else {})


def _event(event: Event | None) -> dict[str, Any] | None:
    if event is None:
        return None
    return {"entry": event.entry, "at": instant(event.at), "by": event.by, "step": event.step, "reason": event.reason}


def _correction(correction: Correction) -> dict[str, Any]:
    values = {"column": correction.column, "label": correction.label}
    old, new = correction.old, correction.new
    values |= {"old": old.raw, "old_text": old.text, "new": new.raw, "new_text": new.text}
    return values | {"event": _event(correction.event)}


def _signature(each: Signed) -> dict[str, Any]:
    signature = each.signature
    return {
        "shown": [{"name": name, "label": label, "text": text} for name, label, text in signature_fields(each)],
        "content_matches": each.matches,
        "content_changes": [{"label": c.label, "signed": c.signed, "now": c.now} for c in each.changes],
        "is_sealed": each.is_sealed,
        **_plain_row(signature),
    }


def _plain_row(instance: Model) -> dict[str, Any]:
    """Every column of the row, so that a new one is never forgotten."""
    return {
        str(field.column): json.loads(json.dumps(getattr(instance, field.attname), default=_as_text))
        for field in instance._meta.concrete_fields
    }


def _state_changes(copy: RecordCopy) -> Iterator[dict[str, Any]]:
    changes = list(copy.state_changes())
    for change, name, old, new in state_names(changes):
        yield {"record_name": name, "from_label": old, "to_label": new, **_plain_row(change)}


def _versions(copy: RecordCopy) -> Iterator[dict[str, Any]]:
    """Every row of the history tables, as it is."""
    for model, table, keys in copy.versions():
        query = SQL("SELECT to_jsonb(h)::text FROM {table} h WHERE h.id = ANY (%s::uuid[]) ORDER BY history_id").format(
            table=Identifier(table)
        )
        with connection.chunked_cursor() as cursor:
            cursor.execute(query, [keys])
            for (text,) in cursor:
                yield {"table": model._meta.db_table, "version": json.loads(text, cls=ExactNumbers)}


def _entries(copy: RecordCopy) -> Iterator[dict[str, Any]]:
    some = []
    for entry in copy.entries():
        some.append(entry)
        if len(some) == BATCH:
            yield from _sealed(some)
            some = []
    yield from _sealed(some)


def _sealed(entries: list[Any]) -> Iterator[dict[str, Any]]:
    seals = seals_of(entry.id for entry in entries)
    for entry in entries:
        yield as_json(entry, seals.get(entry.id))


def _as_text(value: Any) -> str:
    return instant(value) if isinstance(value, dt.datetime) else str(value)


def _member(name: str, value: Any) -> bytes:
    return f"{json.dumps(name)}: {_text(value)},\n".encode()


def _list(name: str, values: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    yield f"{json.dumps(name)}: [\n".encode()
    yield from _items(values)
    yield b"],\n"


def _items(values: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    first = True
    for value in values:
        yield (("" if first else ",\n") + _text(value)).encode()
        first = False
    yield b"\n"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
