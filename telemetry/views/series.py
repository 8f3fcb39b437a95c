"""What the machines say: the newest value of each series, and its curve."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from equipment.enums import LineState
from equipment.models import LineStateInterval, ProductionLine
from equipment.scope import visible
from mfg_project.common.formats import UNKNOWN, moment, number
from mfg_project.common.pages import allowed, asked_text, asked_uuid, query_without
from telemetry.enums import Quality
from telemetry.models import Series
from telemetry.queries.series import Curve, Level, Newest, curve, is_silent, newest, summed_up_until

PER_PAGE = 50
SPANS = {
    "1h": (dt.timedelta(hours=1), gettext_lazy("1 hour")),
    "8h": (dt.timedelta(hours=8), gettext_lazy("8 hours")),
    "24h": (dt.timedelta(days=1), gettext_lazy("24 hours")),
    "7d": (dt.timedelta(days=7), gettext_lazy("7 days")),
    "30d": (dt.timedelta(days=30), gettext_lazy("30 days")),
    "1y": (dt.timedelta(days=365), gettext_lazy("1 year")),
}
SHOWN_STOPS = 200
BEHIND = dt.timedelta(minutes=5)  # hours are summed up every minute
LEVELS = {
    Level.RAW: gettext_lazy("Every reading is drawn."),
    Level.STRETCH: gettext_lazy("Highest, lowest and mean of each stretch are drawn."),
    Level.HOURS: gettext_lazy("Highest, lowest and mean of whole hours are drawn."),
}


@require_safe
@allowed("telemetry.view_series")
def series_list(request: HttpRequest) -> HttpResponse:
    search, line_id = asked_text(request, "q"), asked_uuid(request, "line")
    rows = visible(Series.objects.filter(is_active=True)).select_related("equipment__line", "source")
    if search:
        rows = rows.filter(
            Q(name__icontains=search) | Q(sensor_type__icontains=search) | Q(equipment__code__icontains=search)
        )
    if line_id:
        rows = rows.filter(equipment__line_id=line_id)
    page = Paginator(rows.order_by("equipment__code", "name", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    shown = list(page)
    latest = newest(shown)
    context = {
        "rows": [_row(one, latest.get(one.number)) for one in shown],
        "page": page,
        "query": query_without(request, "page"),
        "lines": visible(ProductionLine.objects.filter(is_active=True)).order_by("line_code"),
        "line_id": line_id,
        "search": search,
        "tab": "series",
    }
    return render(request, "telemetry/series_list.html", context)


@require_safe
@allowed("telemetry.view_series")
def series_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    series = get_object_or_404(visible(Series.objects.select_related("equipment__line", "source")), pk=pk)
    span = request.GET.get("span", "")
    span = span if span in SPANS else "8h"
    end = timezone.now()
    start = end - SPANS[span][0]
    drawn = curve(series, start, end)
    latest = newest([series]).get(series.number)
    kept = query_without(request, "span")
    context = {
        "series": series,
        "row": _row(series, latest),
        "spans": [
            {"label": label, "url": f"?{kept}span={key}", "current": key == span} for key, (_s, label) in SPANS.items()
        ],
        "chart": _chart(series, drawn, _stops(series, start, end), start, end),
        "says": LEVELS[drawn.level] if drawn.points else "",
        "facts": _facts(series, drawn),
        "gap": _gap(drawn) or _behind(drawn),
    }
    return render(request, "telemetry/series_detail.html", context)


def _row(series: Series, latest: Newest | None) -> dict[str, Any]:
    return {
        "id": series.pk,
        "machine": series.equipment.code,
        "machine_name": series.equipment.name,
        "line": series.equipment.line.line_name,
        "name": series.name,
        "value": _value(latest.value) if latest else UNKNOWN,
        "unit": series.unit if latest else "",
        "at": moment(latest.time) if latest else None,
        "quality": Quality(latest.quality).label if latest and latest.quality else "",
        "is_bad": bool(latest and latest.quality == Quality.BAD),
        "is_silent": is_silent(series, latest),
        "source": series.source.name,
    }


def _value(value: float) -> str:
    """Readings are floats: six digits that count, as many as a sensor has."""
    text = f"{value:.6g}"
    return number(float(text), len(text.partition(".")[2])) if "e" not in text and "n" not in text else text


def _gap(drawn: Curve) -> str:
    """What the curve cannot show, so that a gap is not taken for silence."""
    if not drawn.days_missing:
        return ""
    days = ", ".join(f"{day:%Y-%m-%d}" for day in drawn.days_missing)
    return _("Not shown, as their file is not in the archive folder: %(days)s (UTC).") % {"days": days}


def _behind(drawn: Curve) -> str:
    """Hours are summed up by the worker: while it stands still, what came since is not in the curve."""
    until = summed_up_until()
    if drawn.level != Level.HOURS or (until and timezone.now() - until < BEHIND):
        return ""
    since = moment(until)
    said = since.text if since else UNKNOWN
    return _("The hours were summed up last at %(time)s: what came later is not shown. Does the worker run?") % {
        "time": said
    }


def _facts(series: Series, drawn: Curve) -> list[tuple[str, str]]:
    readings = sum(point.readings for point in drawn.points)
    lows = [point.low for point in drawn.points if point.low is not None]
    highs = [point.high for point in drawn.points if point.high is not None]
    return [
        (_("Readings"), number(readings)),
        (_("Not good"), number(sum(point.not_good for point in drawn.points))),
        (_("Lowest"), f"{_value(min(lows))} {series.unit}" if lows else UNKNOWN),
        (_("Highest"), f"{_value(max(highs))} {series.unit}" if highs else UNKNOWN),
        (_("Data source"), series.source.name),
        (_("Name at the source"), series.source_key),
    ]


def _stops(series: Series, start: dt.datetime, end: dt.datetime) -> list[LineStateInterval]:
    rows = visible(LineStateInterval.objects.filter(line_id=series.equipment.line_id, state=LineState.STOPPED))
    overlapping = rows.filter(started_at__lt=end).filter(Q(ended_at=None) | Q(ended_at__gt=start))
    return list(overlapping.select_related("reason").order_by("-started_at")[:SHOWN_STOPS])


def _chart(
    series: Series, drawn: Curve, stops: list[LineStateInterval], start: dt.datetime, end: dt.datetime
) -> dict[str, Any]:
    curves = [(_("Mean"), "mean")] if drawn.level != Level.RAW else [(series.name, "mean")]
    if drawn.level != Level.RAW:
        curves += [(_("Highest"), "high"), (_("Lowest"), "low")]
    limits = [(_("Lowest possible value"), series.minimum), (_("Highest possible value"), series.maximum)]
    seen = [value for point in drawn.points for value in (point.low, point.high) if value is not None]
    return {
        "kind": "line",
        "x": {"type": "time", "label": _("Time"), "values": [point.at.isoformat() for point in drawn.points]},
        "y": {"label": series.name, "unit": series.unit, "decimals": 2},
        "series": [
            {"name": name, "values": [getattr(point, which) for point in drawn.points]} for name, which in curves
        ],
        "limits": [
            {"name": name, "value": limit, "kind": "spec"}
            for name, limit in limits
            if limit is not None and seen and min(seen) <= limit <= max(seen)
        ],
        "bands": [
            {
                "from": max(stop.started_at, start).isoformat(),
                "to": min(stop.ended_at or end, end).isoformat(),
                "name": stop.reason.label if stop.reason else _("Stopped"),
                "state": "stopped",
            }
            for stop in stops
        ],
    }
