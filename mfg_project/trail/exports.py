"""The entries of a search as CSV (a line for each value, for spreadsheets), JSON (as they are) and PDF (for people).

CSV and JSON are streamed, however many entries there are, and say at their end that they are complete: what breaks off
before is not. A PDF holds MOST_ON_PAPER entries and says when there are more.

Every export leaves a security event: who took it, when, and what was asked for.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.context import current_act
from audit.journal import change
from audit.models import JournalEntry, SecurityEventKind
from audit.models.journal import Operation
from audit.queries.trail import Seal, TrailPage, pages
from audit.security import note
from mfg_project.common.altered import altered
from mfg_project.common.formats import number
from mfg_project.common.pages import BYTE_ORDER_MARK, csv_lines
from mfg_project.common.streams import streamed
from mfg_project.reports.document import Banner, Document, Text, pdf_of
from mfg_project.trail.filters import Asked
from mfg_project.trail.names import model_of, table_label
from mfg_project.trail.paper import trail_table, utc_and_plant
from mfg_project.trail.rows import Value, as_json, changes_of, instant, names_in, record_name

BATCH = 500
MOST_ON_PAPER = 2_000


def csv_export(request: HttpRequest, asked: Asked) -> StreamingHttpResponse:
    return _streamed(request, asked, "csv", "text/csv; charset=utf-8", _csv_chunks)


def json_export(request: HttpRequest, asked: Asked) -> StreamingHttpResponse:
    return _streamed(request, asked, "json", "application/json", _json_chunks)


def pdf_export(request: HttpRequest, asked: Asked) -> HttpResponse:
    _note(request, asked, "pdf")
    entries: list[JournalEntry] = []
    more = False
    for page in pages(asked.wanted, size=BATCH):
        entries += page.entries
        more = page.before is not None
        if len(entries) >= MOST_ON_PAPER:
            more = more or len(entries) > MOST_ON_PAPER
            break
    pdf = _paper(asked, entries[:MOST_ON_PAPER], more)
    headers = {"Content-Disposition": f'attachment; filename="{_filename("pdf")}"', "Cache-Control": "no-store"}
    return HttpResponse(pdf, content_type="application/pdf", headers=headers)


def _streamed(
    request: HttpRequest,
    asked: Asked,
    ending: str,
    content_type: str,
    chunks: Callable[[Iterator[TrailPage], list[str]], Iterator[str]],
) -> StreamingHttpResponse:
    _note(request, asked, ending)
    pieces = (text.encode() for text in chunks(pages(asked.wanted, size=BATCH), _altered(asked)))
    return streamed(request, pieces, content_type=content_type, filename=_filename(ending))


def _altered(asked: Asked) -> list[str]:
    """What must be said beside the entries of one record: that it is not what they say."""
    model = model_of(asked.table) if asked.key else None
    found = altered(model, asked.key) if model else None
    return found.lines() if found else []


def _filename(ending: str) -> str:
    return f"audit-trail-{timezone.localdate()}.{ending}"


def _note(request: HttpRequest, asked: Asked, ending: str) -> None:
    """Before the first byte: that it was asked for stays, even if the stream breaks."""
    of = f" of {asked.table} {asked.key}" if asked.key else ""
    with change("export_trail"):
        detail = f"audit trail{of} as {ending}: {request.GET.urlencode() or 'everything'}"
        note(SecurityEventKind.EXPORTED, user=current_act().actor, detail=detail)


def _paper(asked: Asked, entries: list[JournalEntry], more: bool) -> bytes:
    now, act = timezone.now(), current_act()
    who = act.actor.printed_name or act.actor.get_username()
    said = {"who": who, "when": utc_and_plant(now), "app": settings.GENBA_VERSION}
    blocks: list[Any] = [Banner(line) for line in _altered(asked)]
    if more:
        text = _("Not complete: the newest %(count)s entries of the search. CSV and JSON hold all of them.")
        blocks.append(Banner(text % {"count": number(len(entries))}))
    blocks.append(Text(_("Newest first. Times are UTC, in brackets the time of the plant."), quiet=True))
    document = Document(
        title=_("Audit trail"),
        kind=_("Export of the audit trail"),
        identification=_asked_for(asked),
        made=_("Exported by %(who)s on %(when)s with Genba %(app)s") % said,
        blocks=[*blocks, trail_table(entries)],
    )
    return pdf_of(document, at=now)


def _asked_for(asked: Asked) -> str:
    parts = [asked.table and table_label(asked.table), asked.key, asked.record, asked.who, asked.since, asked.until]
    parts += [asked.wanted.reason, asked.wanted.source, asked.wanted.station]
    return " · ".join(str(part) for part in parts if part) or _("Everything")


def _csv_chunks(found: Iterator[TrailPage], altered: list[str]) -> Iterator[str]:
    header = [
        _("Entry"), _("Time"), _("UTC"), _("Action"), _("Type"), _("Record"), _("Record key"), _("Field"),
        _("Column"), _("Old"), _("Old, as stored"), _("New"), _("New, as stored"), _("By"), _("User key"),
        _("On behalf of"), _("Step"), _("Reason"), _("Source"), _("Station"), _("Request"), _("Sealed"),
    ]  # fmt: skip
    yield BYTE_ORDER_MARK + csv_lines([header])
    entries = 0
    for page in found:
        names = names_in(page.entries)
        yield csv_lines(line for entry in page.entries for line in _csv_entry(entry, names, page.seals.get(entry.id)))
        entries += len(page.entries)
    yield csv_lines([["", line] for line in altered])
    yield csv_lines([["", _("End of the export, complete with %(count)s entries.") % {"count": entries}]])


def _csv_entry(entry: JournalEntry, names: Any, seal: Seal | None) -> Iterator[list[Any]]:
    moment = timezone.localtime(entry.at).isoformat(timespec="milliseconds"), instant(entry.at)
    record = table_label(entry.table_name), record_name(entry, names), entry.pk_text
    by = entry.actor_name, str(entry.actor_id or ""), entry.on_behalf_of
    why = entry.reason_code, entry.reason, entry.source, entry.station, str(entry.request_id)
    sealed = f"{seal.epoch}/{seal.index}" if seal else _("pending")
    for each in changes_of(entry, names):
        values = each.label, each.column, *_cells(each.old), *_cells(each.new)
        yield [entry.id, *moment, str(Operation(entry.op).label), *record, *values, *by, *why, sealed]


def _cells(value: Value | None) -> tuple[str, str]:
    return (value.text, value.raw or value.text) if value else ("", "")


def _json_chunks(found: Iterator[TrailPage], altered: list[str]) -> Iterator[str]:
    yield '{"entries": ['
    entries = 0
    for page in found:
        texts = [json.dumps(as_json(entry, page.seals.get(entry.id)), ensure_ascii=False) for entry in page.entries]
        if texts:
            yield (",\n" if entries else "\n") + ",\n".join(texts)
            entries += len(texts)
    told = json.dumps(altered, ensure_ascii=False)
    yield f'\n], "altered": {told}, "count": {entries}, "complete": true}}\n'
