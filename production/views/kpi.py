"""What cost us the most? Key figures of a period, every number with its explanation and its table."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from equipment.models import ProductionLine
from equipment.queries.site import production_day
from mfg_project.common.formats import day as day_text
from mfg_project.common.formats import hours, moment, number, percent
from mfg_project.common.pages import allowed, asked_text, asked_uuid, csv_response, render_page
from production.kpi_formulas import total
from production.queries.kpi import losses, period, stop_reasons
from production.queries.kpi_trend import LineDay, line_days, scrap_reasons
from production.queries.order_list import lines_to_filter
from production.services.kpi import is_stale, last_refresh
from production.views.kpi_words import on_time_tile, pareto_bars, tiles, waterfall_bars

DAYS = {"today": 1, "7": 7, "30": 30, "90": 90}
LONGEST = 366  # days a custom period may span
ROWS_SHOWN = 200
LINES_DRAWN = 4  # more lines than this are drawn as one


@dataclass(frozen=True, slots=True)
class Period:
    """Production days `start` to `end` inclusive, and which chip asks for them."""

    name: str
    start: dt.date
    end: dt.date

    @property
    def before(self) -> tuple[dt.date, dt.date]:
        """The same number of days just before."""
        days = self.end - self.start
        return self.start - days - dt.timedelta(days=1), self.start - dt.timedelta(days=1)


@require_safe
@allowed("production.view_kpi")
def kpi(request: HttpRequest) -> HttpResponse:
    lines = lines_to_filter()
    line = _chosen_line(request, lines)
    chosen, line_ids = read_period(request), [line.pk] if line else None
    figures, before = period(chosen.start, chosen.end, line_ids), period(*chosen.before, line_ids)
    days = line_days(chosen.start, chosen.end, line_ids)
    refresh = last_refresh()
    names = {each.pk: each.line_name for each in lines}
    query = _query(chosen, line)
    context = {
        "period": chosen,
        "period_text": _period_text(chosen),
        "period_chips": _period_chips(chosen, line),
        "lines": lines,
        "line": line,
        "tiles": tiles(figures, before),
        "on_time": on_time_tile(figures, before),
        "bars": waterfall_bars(losses(chosen.start, chosen.end, line_ids)),
        "pareto": pareto_bars(stop_reasons(chosen.start, chosen.end, line_ids)),
        "trend": trend_chart(days, names, _target(line, lines)),
        "pieces": pieces_chart(days),
        "rows": [_day_row(row, names) for row in reversed(days[-ROWS_SHOWN:])],
        "rows_cut": len(days) > ROWS_SHOWN,
        "refreshed": moment(refresh.refreshed_at) if refresh else None,
        "is_stale": is_stale(refresh, now=timezone.now()),
        "csv_url": f"{reverse('production:kpi-csv')}?{query}",
        "scrap_url": f"{reverse('production:kpi-scrap')}?{query}",
        "pass_rate_query": _query(chosen, line, days=True),
    }
    return render_page(request, "production/kpi.html", "production/_kpi.html", context, targets=["kpi"])


@require_safe
@allowed("production.view_kpi")
def kpi_scrap(request: HttpRequest) -> HttpResponse:
    """Scrap by reason reads the counts themselves, so the page loads it after the rest."""
    chosen = read_period(request)
    line = asked_uuid(request, "line")
    found = scrap_reasons(chosen.start, chosen.end, [line] if line else None)
    most = max((reason.scrap + reason.rework for reason in found), default=0)
    rows = [
        {
            "label": reason.reason.label if reason.reason else _("No reason"),
            "scrap": number(reason.scrap),
            "rework": number(reason.rework),
            "scrap_width": round(1000 * float(reason.scrap / most), 1),
            "rework_width": round(1000 * float(reason.rework / most), 1),
        }
        for reason in found
    ]
    return render(request, "production/_kpi_scrap.html", {"rows": rows})


@require_safe
@allowed("production.view_kpi")
def kpi_csv(request: HttpRequest) -> HttpResponse:
    """The table behind the charts: one row per line and day, seconds and pieces as they are kept."""
    chosen = read_period(request)
    line = asked_uuid(request, "line")
    names = {each.pk: each for each in ProductionLine.objects.all()}
    header = [
        _("Production day"), _("Line"), _("Name"), _("OEE %"), _("Availability %"), _("Performance %"),
        _("Quality ratio %"), _("Planned busy s"), _("Running s"), _("Setup s"), _("Stopped s"), _("Idle s"),
        _("Maintenance s"), _("No data s"), _("Standard s"), _("Good"), _("Scrap"), _("Rework"),
        _("Orders completed"), _("On time"),
    ]  # fmt: skip
    rows = (_csv_row(row, names[row.line_id]) for row in line_days(chosen.start, chosen.end, [line] if line else None))
    return csv_response(f"key-figures-{chosen.start}-{chosen.end}.csv", header, rows)


def read_period(request: HttpRequest) -> Period:
    """The days the address asks for; a period that makes no sense falls back to seven days."""
    today = production_day()
    name = asked_text(request, "period")
    start, end = _date(asked_text(request, "start")), _date(asked_text(request, "end"))
    if name in ("", "custom") and start and end and start <= end and (end - start).days < LONGEST:
        return Period("custom", start, end)
    name = name if name in DAYS else "7"
    return Period(name, today - dt.timedelta(days=DAYS[name] - 1), today)


def trend_chart(days: Sequence[LineDay], names: dict[UUID, str], target: float | None) -> dict[str, Any]:
    """OEE by day: each line while they are few, and always what all of them make together."""
    dates = sorted({row.day for row in days})
    at = {date: index for index, date in enumerate(dates)}
    by_line: dict[UUID, list[float | None]] = defaultdict(lambda: [None] * len(dates))
    together: dict[dt.date, list[LineDay]] = defaultdict(list)
    for row in days:
        by_line[row.line_id][at[row.day]] = _rounded(row.figures.oee)
        together[row.day].append(row)
    drawn = {pk: values for pk, values in by_line.items() if any(value is not None for value in values)}
    series = [{"name": names.get(pk, "OEE"), "values": values} for pk, values in drawn.items()]
    if len(drawn) != 1:
        sums = [_rounded(total(row.figures for row in together[date]).oee) for date in dates]
        few = series if len(drawn) <= LINES_DRAWN else []
        series = [{"name": _("All lines"), "values": sums}, *few]
    return {
        "kind": "line",
        "x": {"type": "category", "label": _("Production day"), "values": [day_text(date) for date in dates]},
        "y": {"label": _("OEE"), "unit": "%", "decimals": 1, "min": 0},
        "series": series,
        "limits": [{"name": _("Target"), "value": target, "kind": "target"}] if target is not None else [],
    }


def pieces_chart(days: Sequence[LineDay]) -> dict[str, Any]:
    dates = sorted({row.day for row in days})
    sums = {date: total(row.figures for row in days if row.day == date) for date in dates}
    kinds = [("good", _("Good")), ("scrap", _("Scrap")), ("rework", _("Rework"))]
    return {
        "kind": "stacked",
        "x": {"type": "category", "label": _("Production day"), "values": [day_text(date) for date in dates]},
        "y": {"label": _("Pieces"), "decimals": 0, "min": 0},
        "series": [
            {"name": label, "color": kind, "values": [float(getattr(sums[date], kind)) for date in dates]}
            for kind, label in kinds
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _chosen_line(request: HttpRequest, lines: list[ProductionLine]) -> ProductionLine | None:
    wanted = asked_uuid(request, "line")
    return next((line for line in lines if line.pk == wanted), None)


def _target(line: ProductionLine | None, lines: list[ProductionLine]) -> float | None:
    """The target of the line, or of all when they share one."""
    targets = {each.efficiency_rate for each in ([line] if line else lines)}
    return float(targets.pop()) if len(targets) == 1 else None


def _query(chosen: Period, line: ProductionLine | None, *, days: bool = False) -> str:
    values: dict[str, Any] = {"line": line.pk} if line else {}
    if days or chosen.name == "custom":
        values |= {"start": chosen.start, "end": chosen.end}
    else:
        values |= {"period": chosen.name}
    return urlencode(values)


def _period_chips(chosen: Period, line: ProductionLine | None) -> list[dict[str, Any]]:
    words = {"today": _("Today"), "7": _("7 days"), "30": _("30 days"), "90": _("90 days")}
    url = reverse("production:kpi")
    return [
        {
            "label": words[name],
            "url": f"{url}?{_query(Period(name, chosen.start, chosen.end), line)}",
            "current": name == chosen.name,
        }
        for name in DAYS
    ]


def _period_text(chosen: Period) -> str:
    if chosen.start == chosen.end:
        return f"{chosen.start:%Y-%m-%d}"
    return f"{chosen.start:%Y-%m-%d} – {chosen.end:%Y-%m-%d}"


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _day_row(row: LineDay, names: dict[UUID, str]) -> dict[str, str]:
    figures = row.figures
    return {
        "day": f"{row.day:%Y-%m-%d}",
        "line": names.get(row.line_id, ""),
        "oee": percent(figures.oee),
        "availability": percent(figures.availability),
        "performance": percent(figures.effectiveness),
        "quality": percent(figures.quality_rate),
        "planned": hours(figures.planned_busy_s),
        "running": hours(figures.running_s),
        "stopped": hours(figures.stopped_s),
        "good": number(figures.good),
        "scrap": number(figures.scrap),
        "rework": number(figures.rework),
    }


def _csv_row(row: LineDay, line: ProductionLine) -> list[Any]:
    f = row.figures
    ratios = (f.oee, f.availability, f.effectiveness, f.quality_rate)
    seconds = (
        f.planned_busy_s, f.running_s, f.setup_s, f.stopped_s, f.idle_s, f.maintenance_s, f.no_data_s, f.standard_s,
    )  # fmt: skip
    return [
        row.day.isoformat(),
        line.line_code,
        line.line_name,
        *(_rounded(ratio) for ratio in ratios),
        *(None if value is None else round(value, 1) for value in seconds),
        *(f"{count.normalize():f}" for count in (f.good, f.scrap, f.rework)),
        f.completed_work_orders,
        f.on_time_completions,
    ]
