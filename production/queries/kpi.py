"""Key figures as pages and API read them. Rates are in percent; what is not known is None, never 0 or 100.

What an account may not see is in no figure: sums of one that works on some lines are the sums of these lines.
Days are production days. Periods read the kept base (as fresh as `production.services.kpi.last_refresh`);
`today_by_line` computes from the facts and is true to the second.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from equipment.models import ReasonCode
from equipment.scope import visible
from production.kpi_formulas import KeyFigures, total
from production.models import KpiDaily, KpiDay, KpiDayStop

SUMS = [field.name for field in fields(KeyFigures)]
FIGURES = """
           t.planned_busy_s, t.running_s, t.setup_s, t.stopped_s, t.idle_s, t.maintenance_s, t.no_data_s,
           c.standard_s, c.good, c.scrap, c.rework, c.finished,
           o.total_work_orders, o.completed_work_orders, o.on_time_completions
"""
TODAY = f"""
    SELECT l.id, {FIGURES}
    FROM (SELECT production_day_begin(production_day_of(%(now)s)) AS a, %(now)s::timestamptz AS z) day,
         production_lines l,
         production_time_sums(l.id, day.a, day.z) t,
         production_count_sums(l.id, day.a, day.z) c,
         production_order_sums(l.id, day.a, day.z) o
    WHERE l.is_active AND (%(lines)s::uuid[] IS NULL OR l.id = ANY(%(lines)s))
"""  # noqa: S608 constants of ours
SPANS = f"""
    SELECT span.n, {FIGURES}
    FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS span (a, z, n),
         production_time_sums(%(line)s, span.a, span.z) t,
         production_count_sums(%(line)s, span.a, span.z) c,
         production_order_sums(%(line)s, span.a, span.z) o
    ORDER BY span.n
"""  # noqa: S608 constants of ours


@dataclass(frozen=True, slots=True)
class StopReason:
    """Unplanned stops with one reason, or (`reason` None) those nobody has explained yet."""

    reason: ReasonCode | None
    stops: int
    seconds: float

    @property
    def label(self) -> str:
        return self.reason.label if self.reason else _("Not explained")


@dataclass(frozen=True, slots=True)
class Loss:
    kind: str  # no_data, setup, stop, idle, speed or quality
    label: str
    seconds: float
    reason_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Waterfall:
    """From planned time down to the time that good pieces take at standard speed; OEE is the last of the second.

    `planned_s` minus every loss is `effective_s`, or the running time where nothing was counted (then None).
    Without a shift calendar `planned_s` is None. A speed "loss" below 0 is a standard time that is too long.
    """

    planned_s: float | None
    losses: list[Loss]
    effective_s: float | None
    figures: KeyFigures


def today_by_line(now: dt.datetime, line_ids: Sequence[UUID] | None = None) -> dict[UUID, KeyFigures]:
    """The production day so far of every active line (or of `line_ids`), in one query."""
    return dict(_computed(TODAY, {"now": now, "lines": list(line_ids) if line_ids is not None else None}))


def of_spans(line_id: UUID, spans: Sequence[tuple[dt.datetime, dt.datetime]]) -> list[KeyFigures]:
    """The figures of one line between any moments, as true to the second as today's, in one query.

    Times to come count nothing. What the caller may see of the line is asked before.
    """
    begins, ends = [begin for begin, _end in spans], [end for _begin, end in spans]
    return [figures for _n, figures in _computed(SPANS, {"line": line_id, "begins": begins, "ends": ends})]


def daily(start: dt.date, end: dt.date, line_ids: Sequence[UUID] | None = None) -> QuerySet[KpiDaily]:
    """Rows of `mv_production_kpi_daily` (DBO-80), newest day first, then by line. It reaches back 90 days."""
    rows = visible(KpiDaily.objects.filter(report_date__range=(start, end)))
    if line_ids is not None:
        rows = rows.filter(production_line_id__in=line_ids)
    return rows.order_by("-report_date", "line_name")


def period_by_line(start: dt.date, end: dt.date, line_ids: Sequence[UUID] | None = None) -> dict[UUID, KeyFigures]:
    """The figures of each line over the days `start` to `end` inclusive; a line without any row is missing."""
    days = visible(KpiDay.objects.filter(report_date__range=(start, end)))
    if line_ids is not None:
        days = days.filter(line_id__in=line_ids)
    rows = days.values("line_id", planned=Q(planned_busy_s__isnull=False)).annotate(
        **{f"sum_{name}": Sum(name) for name in SUMS}
    )
    figures: dict[UUID, KeyFigures] = {}
    for row in rows:
        sums: dict[str, Any] = dict(row)
        part = KeyFigures(**{name: sums[f"sum_{name}"] for name in SUMS})
        figures[row["line_id"]] = figures.get(row["line_id"], KeyFigures()) + part
    return figures


def period(start: dt.date, end: dt.date, line_ids: Sequence[UUID] | None = None) -> KeyFigures:
    """All lines together: sums first, ratios last (X-07)."""
    return total(period_by_line(start, end, line_ids).values())


def stop_reasons(start: dt.date, end: dt.date, line_ids: Sequence[UUID] | None = None) -> list[StopReason]:
    """Unplanned stops by reason, the costliest first."""
    return _by_reason(_stop_days(start, end, line_ids))


def losses(start: dt.date, end: dt.date, line_ids: Sequence[UUID] | None = None) -> Waterfall:
    """What became of the planned time: what cost us the most."""
    sums = period(start, end, line_ids)
    stop_days = _stop_days(start, end, line_ids)
    if sums.planned_busy_s is not None:  # the sums leave out times without a plan; so do their stops
        same_day = KpiDay.objects.filter(line_id=OuterRef("line_id"), report_date=OuterRef("report_date"))
        stop_days = stop_days.filter(Exists(same_day.filter(planned_busy_s__isnull=False)))
    lost = [
        Loss("no_data", _("No data"), sums.no_data_s or 0.0),
        Loss("setup", _("Setup"), sums.setup_s),
        *(_stop_loss(stop) for stop in _by_reason(stop_days)),
        Loss("idle", _("Idle"), sums.idle_s),
    ]
    effective = None
    if sums.produced:
        effective = sums.standard_s * float(sums.good) / float(sums.produced)
        lost.append(Loss("speed", _("Speed"), sums.running_s - sums.standard_s))
        lost.append(Loss("quality", _("Scrap and rework"), sums.standard_s - effective))
    planned = None if sums.planned_busy_s is None else sums.planned_busy_s + (sums.no_data_s or 0.0)
    return Waterfall(planned, lost, effective, sums)


def _computed(sql: str, values: dict[str, Any]) -> list[tuple[Any, KeyFigures]]:
    """From the facts themselves: what the first column says, and the figures of the others."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        names = [column.name for column in cursor.description][1:]
        return [(row[0], KeyFigures(**dict(zip(names, row[1:], strict=True)))) for row in cursor.fetchall()]


def _stop_loss(stop: StopReason) -> Loss:
    return Loss("stop", stop.label, stop.seconds, stop.reason.pk if stop.reason else None)


def _stop_days(start: dt.date, end: dt.date, line_ids: Sequence[UUID] | None) -> QuerySet[KpiDayStop]:
    days = visible(KpiDayStop.objects.filter(report_date__range=(start, end)))
    return days if line_ids is None else days.filter(line_id__in=line_ids)


def _by_reason(days: QuerySet[KpiDayStop]) -> list[StopReason]:
    rows = list(days.values("reason_id").annotate(all_stops=Sum("stops"), all_seconds=Sum("seconds")))
    reasons = ReasonCode.objects.in_bulk([row["reason_id"] for row in rows if row["reason_id"]])
    found = [StopReason(reasons.get(row["reason_id"]), row["all_stops"], row["all_seconds"]) for row in rows]
    return sorted(found, key=lambda stop: -stop.seconds)
