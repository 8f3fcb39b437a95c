"""What the KPI page draws day by day, and why pieces were scrapped."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from equipment.models import ReasonCode
from equipment.queries.site import production_day_bounds
from equipment.scope import visible
from production.kpi_formulas import KeyFigures
from production.models import KpiDay, QuantityReport

SUMS = tuple(f.name for f in fields(KeyFigures))


@dataclass(frozen=True, slots=True)
class LineDay:
    day: dt.date
    line_id: UUID
    figures: KeyFigures


@dataclass(frozen=True, slots=True)
class ScrapReason:
    reason: ReasonCode | None
    scrap: Decimal
    rework: Decimal


def line_days(start: dt.date, end: dt.date, line_ids: Sequence[UUID] | None = None) -> list[LineDay]:
    """Every kept day of every line, oldest first."""
    days = visible(KpiDay.objects.filter(report_date__range=(start, end)))
    if line_ids is not None:
        days = days.filter(line_id__in=line_ids)
    rows = days.order_by("report_date", "line__line_code").values_list("report_date", "line_id", *SUMS)
    return [LineDay(day, line_id, KeyFigures(**dict(zip(SUMS, sums, strict=True)))) for day, line_id, *sums in rows]


def scrap_reasons(start: dt.date, end: dt.date, line_ids: Sequence[UUID] | None = None) -> list[ScrapReason]:
    """Scrapped and reworked pieces by reason of whole days."""
    return scrap_reasons_between(production_day_bounds(day=start)[0], production_day_bounds(day=end)[1], line_ids)


def scrap_reasons_between(
    begin: dt.datetime, end: dt.datetime, line_ids: Sequence[UUID] | None = None
) -> list[ScrapReason]:
    """Scrapped and reworked pieces by reason, the most first; undone counts take themselves out."""
    reports = QuantityReport.objects.filter(reported_at__gte=begin, reported_at__lt=end).exclude(scrap=0, rework=0)
    reports = visible(reports)
    if line_ids is not None:
        reports = reports.filter(production_line_id__in=line_ids)
    rows = list(reports.order_by().values_list("reason_id").annotate(all_scrap=Sum("scrap"), all_rework=Sum("rework")))
    reasons = ReasonCode.objects.in_bulk([reason_id for reason_id, *_sums in rows if reason_id])
    found = [ScrapReason(reasons.get(reason_id), scrap, rework) for reason_id, scrap, rework in rows]
    return sorted((f for f in found if f.scrap or f.rework), key=lambda f: -(f.scrap + f.rework))
