"""Readings that wait for a person: the list, and saying what a name stands for."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from audit.errors import DomainError, NotFound
from mfg_project.common.formats import moment, number
from mfg_project.common.pages import allowed, asked_text, done_in_dialog, query_without
from telemetry.enums import HeldBack
from telemetry.forms import MapForm
from telemetry.models import HeldBackSeries
from telemetry.services.mapping import map_name

PER_PAGE = 50
MAP = "telemetry.map_series"


@require_safe
@allowed("telemetry.view_heldbackseries")
def held_back_list(request: HttpRequest) -> HttpResponse:
    search = asked_text(request, "q")
    rows = HeldBackSeries.objects.select_related("source").order_by("-last_at", "-pk")
    if search:
        rows = rows.filter(source_key__icontains=search)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "rows": [_row(held) for held in page],
        "page": page,
        "query": query_without(request, "page"),
        "search": search,
        "tab": "held-back",
        "may_map": request.user.has_perm(MAP),
    }
    return render(request, "telemetry/held_back.html", context)


def _row(held: HeldBackSeries) -> dict[str, Any]:
    return {
        "id": held.pk,
        "name": held.source_key,
        "source": held.source.name,
        "reason": held.get_reason_display(),
        "is_unknown": held.reason == HeldBack.UNKNOWN,
        "readings": number(held.readings),
        "kept": number(held.kept),
        "example": held.example,
        "last_at": moment(held.last_at),
    }


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(MAP)
def map_dialog(request: HttpRequest, pk: int) -> HttpResponse:
    held = HeldBackSeries.objects.select_related("source").filter(pk=pk, reason=HeldBack.UNKNOWN).first()
    if held is None:
        raise NotFound(_("Nothing is held back under this name any more."))
    form = MapForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        machine = values.pop("equipment")
        try:
            series, taken = map_name(held_back_id=pk, equipment_id=machine.pk, **values)
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            said = {"series": series, "number": number(taken.stored)}
            return done_in_dialog(_("%(series)s: %(number)s readings taken in.") % said)
    context = {"form": form, "held": held, "url": reverse("telemetry:map", args=[pk])}
    return render(request, "telemetry/_map_dialog.html", context, status=422 if form.is_bound else 200)
