"""The entries of a search as CSV (a line for each value, for spreadsheets) and JSON (as they are).

At most MOST entries in one file, which then says that there are older ones: an export is held in memory.

An export is noted in the log with who took it and what was asked for. It is no entry of the journal: that records
changes of the plant's records, and reading changes none.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.models import JournalEntry
from audit.models.journal import Operation
from audit.queries.trail import Seal, TrailPage, pages
from mfg_project.common.altered import altered
from mfg_project.common.pages import BYTE_ORDER_MARK, csv_lines
from mfg_project.trail.filters import Asked
from mfg_project.trail.names import model_of, table_label
from mfg_project.trail.rows import Value, changes_of, names_in, record_name

BATCH = 500
MOST = 5_000
log = structlog.get_logger(__name__)


def csv_export(request: HttpRequest, asked: Asked) -> HttpResponse:
    return _answer(request, asked, "csv", "text/csv; charset=utf-8", _csv_chunks)


def json_export(request: HttpRequest, asked: Asked) -> HttpResponse:
    return _answer(request, asked, "json", "application/json", _json_chunks)


def _answer(
    request: HttpRequest,
    asked: Asked,
    ending: str,
    content_type: str,
    chunks: Callable[[Iterator[TrailPage], list[str]], Iterator[str]],
) -> HttpResponse:
    log.info("trail_exported", user=str(request.user.pk), format=ending, query=request.GET.urlencode(), key=asked.key)
    return HttpResponse(
        chunks(_at_most(pages(asked.wanted, size=BATCH)), _altered(asked)),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="audit-trail-{timezone.localdate()}.{ending}"'},
    )


def _altered(asked: Asked) -> list[str]:
    """What must be said beside the entries of one record: that it is not what they say."""
    model = model_of(asked.table) if asked.key else None
    found = altered(model, asked.key) if model else None
    return found.lines() if found else []


def _at_most(found: Iterator[TrailPage]) -> Iterator[TrailPage]:
    """Up to MOST entries; the last page then still says that there are older ones."""
    entries = 0
    for page in found:
        yield page
        entries += len(page.entries)
        if entries >= MOST:
            return


def _csv_chunks(found: Iterator[TrailPage], altered: list[str]) -> Iterator[str]:
    header = [
        _("Entry"), _("Time"), _("UTC"), _("Action"), _("Type"), _("Record"), _("Record key"), _("Field"),
        _("Column"), _("Old"), _("Old, as stored"), _("New"), _("New, as stored"), _("By"), _("User key"),
        _("On behalf of"), _("Step"), _("Reason"), _("Source"), _("Station"), _("Request"), _("Sealed"),
    ]  # fmt: skip
    yield BYTE_ORDER_MARK + csv_lines([header])
    older: int | None = None
    for page in found:
        names = names_in(page.entries)
        lines = [line for entry in page.entries for line in _csv_entry(entry, names, page.seals.get(entry.id))]
        yield csv_lines(lines)
        older = page.before
    if older is not None:
        yield csv_lines([["", _("There are older entries than these. Export them by an earlier end of the period.")]])
    yield csv_lines([["", line] for line in altered])


def _csv_entry(entry: JournalEntry, names: Any, seal: Seal | None) -> Iterator[list[Any]]:
    moment = timezone.localtime(entry.at).isoformat(timespec="milliseconds"), _utc(entry.at)
    record = table_label(entry.table_name), record_name(entry, names), entry.pk_text
    by = entry.actor_name, str(entry.actor_id or ""), entry.on_behalf_of
    why = entry.reason_code, entry.reason, entry.source, entry.station, str(entry.request_id)
    sealed = f"{seal.epoch}/{seal.index}" if seal else _("pending")
    for change in changes_of(entry, names):
        values = change.label, change.column, *_cells(change.old), *_cells(change.new)
        yield [entry.id, *moment, str(Operation(entry.op).label), *record, *values, *by, *why, sealed]


def _cells(value: Value | None) -> tuple[str, str]:
    return (value.text, value.raw or value.text) if value else ("", "")


def _json_chunks(found: Iterator[TrailPage], altered: list[str]) -> Iterator[str]:
    yield '{"entries": ['
    first, older = True, None
    for page in found:
        texts = [json.dumps(as_json(entry, page.seals.get(entry.id)), ensure_ascii=False) for entry in page.entries]
        if texts:
            yield ("\n" if first else ",\n") + ",\n".join(texts)
            first = False
        older = page.before
    yield f'\n], "older_than": {json.dumps(older)}, "altered": {json.dumps(altered, ensure_ascii=False)}}}\n'


def as_json(entry: JournalEntry, seal: Seal | None) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": _utc(entry.at),
        "transaction_at": _utc(entry.tx_at),
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


def _utc(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
