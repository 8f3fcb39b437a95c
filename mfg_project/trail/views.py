"""The audit trail: who did what, when, why? Of everything, or of one record."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit.queries.archives import older_entries
from audit.queries.retention import retention_of
from audit.queries.trail import search
from mfg_project.common.altered import altered
from mfg_project.common.formats import both_zones
from mfg_project.common.pages import allowed, query_without, render_page
from mfg_project.trail.bundle.answer import bundle_response
from mfg_project.trail.bundle.evidence import signatures_on
from mfg_project.trail.exports import csv_export, json_export, pdf_export
from mfg_project.trail.filters import Asked, choices, read_filter
from mfg_project.trail.names import journalled_models, model_of, names_of, table_label
from mfg_project.trail.rows import trail_rows

PER_PAGE = 50
READ_TRAIL = "audit.view_journalentry"
PAGES = {"work_orders": "production:work-order-detail", "quality_characteristic": "quality:characteristic-detail"}


@require_safe
@allowed(READ_TRAIL)
def trail(request: HttpRequest) -> HttpResponse:
    asked = read_filter(request)
    return _page(request, asked, {"title": _("Audit trail"), "choices": choices(asked)})


@require_safe
@allowed(READ_TRAIL)
def record_trail(request: HttpRequest, table: str, key: str) -> HttpResponse:
    """All that ever happened to one record, as far as the journal goes back."""
    asked = read_filter(request, table, key)
    model = journalled_models()[table]
    name = names_of([(model, key)]).get((model._meta.label, key), "")
    is_gone = not model._base_manager.filter(pk=key).exists()
    context = {
        "title": name or key,
        "type_label": table_label(table),
        "is_gone": is_gone,
        **({} if is_gone else _retention(table, key)),
        "altered": altered(model, key),
        "signatures": signatures_on(model, key),
        "record_url": reverse(PAGES[table], args=[key]) if table in PAGES and name else "",
    }
    return _page(request, asked, context)


@require_safe
@allowed(READ_TRAIL)
def trail_csv(request: HttpRequest) -> HttpResponseBase:
    return csv_export(request, read_filter(request))


@require_safe
@allowed(READ_TRAIL)
def trail_json(request: HttpRequest) -> HttpResponseBase:
    return json_export(request, read_filter(request))


@require_safe
@allowed(READ_TRAIL)
def trail_pdf(request: HttpRequest) -> HttpResponse:
    return pdf_export(request, read_filter(request))


@require_safe
@allowed(READ_TRAIL)
def record_bundle(request: HttpRequest, table: str, key: str) -> HttpResponseBase:
    """The copy of a record to take home."""
    return bundle_response(request, table, key)


def _retention(table: str, key: str) -> dict[str, str]:
    """Until when the record is kept, and since when a legal hold keeps it whatever its age."""
    kept = retention_of(table, key)
    if kept is None:
        return {}
    since = kept.hold_since
    return {
        "kept_until": f"{localtime(kept.until):%Y-%m-%d}",
        "held_since": f"{localtime(since):%Y-%m-%d}" if since else "",
    }


def _page(request: HttpRequest, asked: Asked, context: dict[str, Any]) -> HttpResponse:
    before = request.GET.get("before", "")
    page = search(asked.wanted, before=int(before) if before.isdecimal() and len(before) < 19 else None, size=PER_PAGE)
    query = query_without(request, "before")
    scope = f"type={asked.table}&key={asked.key}&" if asked.key else ""
    context |= {
        "asked": asked,
        "rows": trail_rows(page),
        "page": page,
        "query": query,
        "export_query": f"{scope}{query}".rstrip("&"),
        "is_first": not before,
        "elsewhere": older_entries() if page.before is None else None,
        "looked_back_to": both_zones(page.looked_back_to) if page.looked_back_to else "",
        "type_known": model_of(asked.table) is not None,
    }
    return render_page(request, "trail/trail.html", "trail/_entries.html", context, targets=["entries"])
