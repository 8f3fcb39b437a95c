"""Shift reports: which there are, one as a page, and as PDF of one line or of all."""

import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit.errors import NotFound
from audit.queries.seal_state import seal_state
from audit.queries.snapshot import snapshot
from equipment.models import ProductionLine
from equipment.queries.site import production_day
from equipment.scope import visible
from mfg_project.common.pages import allowed, asked_text, asked_uuid
from mfg_project.shifts.facts import facts_of
from mfg_project.shifts.paper import checkpoint, report_of, shift_name
from mfg_project.shifts.print import filename, printed
from mfg_project.trail.sheet import sheet_of
from production.models import ScheduledShift
from production.queries.shifts import newest_shift, planned_shift, planned_shifts

# What the report shows. The checkpoint is for everybody who may read one: it certifies the log and tells nothing of it.
READ = (
    "production.view_kpi",
    "equipment.view_linestateinterval",
    "production.view_workorder",
    "quality.view_qualitycheck",
)


@require_safe
@allowed(*READ)
def shifts(request: HttpRequest) -> HttpResponse:
    """The shifts of a production day; each line is a link to its report."""
    now, today = timezone.now(), production_day()
    day = _asked_day(request) or today
    found = sorted(planned_shifts(day), key=lambda shift: (shift.shift.name, shift.starts_at))
    groups = [_group(list(some), now) for _name, some in groupby(found, key=lambda shift: shift.shift_id)]
    context = {
        "day": day,
        "is_today": day == today,
        "before": day - dt.timedelta(days=1),
        "after": day + dt.timedelta(days=1),
        "groups": sorted(groups, key=lambda group: group["starts_at"]),
    }
    return render(request, "shifts/shifts.html", context)


@require_safe
@allowed(*READ)
def shift(request: HttpRequest, pk: int) -> HttpResponse:
    now = timezone.now()
    with snapshot():
        found = _found(pk)
        facts, sheet = facts_of(found, now=now), sheet_of(seal_state())
    report = report_of(facts)
    context = {
        "shift": found,
        "name": shift_name(found),
        "report": report,
        "sections": [*report.sections, checkpoint(sheet)],
    }
    return render(request, "shifts/shift.html", context)


@require_safe
@allowed(*READ)
def shift_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    return _pdf([_found(pk)])


@require_safe
@allowed(*READ)
def shifts_pdf(request: HttpRequest) -> HttpResponse:
    """`?day=&shift=`: one shift of every line the account works on."""
    day, key = _asked_day(request), asked_uuid(request, "shift")
    found = [shift for shift in planned_shifts(day) if shift.shift_id == key] if day and key else []
    if not found:
        raise NotFound(_("This shift is not planned."))
    return _pdf(found)


@require_safe
@allowed(*READ)
def newest_of_line(request: HttpRequest, pk: UUID) -> HttpResponse:
    """From the page of a line to the shift that runs there, or ran last."""
    if not visible(ProductionLine.objects.filter(pk=pk)).exists():
        raise NotFound(_("This production line does not exist."))
    found = newest_shift(pk, now=timezone.now())
    return redirect("shifts:shift", pk=found.pk) if found else redirect("shifts:list")


def _pdf(found: Sequence[ScheduledShift]) -> HttpResponse:
    now = timezone.now()
    with snapshot():
        all_facts = [facts_of(shift, now=now) for shift in found]
        sheet = sheet_of(seal_state())
    pdf = printed(all_facts, checkpoint(sheet), now=now)
    headers = {"Content-Disposition": f'inline; filename="{filename(found)}"', "Cache-Control": "no-store"}
    return HttpResponse(pdf, content_type="application/pdf", headers=headers)


def _found(pk: int) -> ScheduledShift:
    found = planned_shift(pk)
    if found is None:
        raise NotFound(_("This shift is not planned."))
    return found


def _asked_day(request: HttpRequest) -> dt.date | None:
    """None for what is no day, or has none before or after it."""
    try:
        day = dt.date.fromisoformat(asked_text(request, "day"))
    except ValueError:
        return None
    return day if dt.date.min < day < dt.date.max else None


def _group(some: Sequence[ScheduledShift], now: dt.datetime) -> dict[str, Any]:
    """One shift of several lines; a line may have had other times that day."""
    first = some[0]
    url = f"{reverse('shifts:pdf')}?day={first.production_date}&shift={first.shift_id}"
    return {
        "name": shift_name(first),
        "key": first.shift_id,
        "starts_at": first.starts_at,
        "state": _state(first, now),
        "pdf_url": url if first.starts_at <= now else "",
        "lines": [
            {
                "name": each.line.line_name,
                "code": each.line.line_code,
                "url": reverse("shifts:shift", args=[each.pk]),
                "is_cancelled": each.is_cancelled,
            }
            for each in some
        ],
    }


def _state(shift: ScheduledShift, now: dt.datetime) -> str:
    if now < shift.starts_at:
        return _("not begun")
    return _("running") if now < shift.ends_at else _("ended")
