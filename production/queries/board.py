"""What every line is doing now and did today, the line that needs a person most first."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from equipment.enums import LineState, ReasonKind
from equipment.models import LineStateInterval, ProductionLine, ReasonCode
from equipment.queries.site import production_day, production_day_bounds
from equipment.scope import visible
from production.enums import JobOrderStatus
from production.kpi_formulas import KeyFigures
from production.models import JobOrder
from production.queries.kpi import today_by_line
from production.queries.terminal import pressing_job_by_line

NO_LONGER_NEWS = dt.timedelta(days=1)  # a line silent for longer is parked, not a matter of this shift
REASONS_COUNTED_OVER = dt.timedelta(days=30)
RANK = {
    LineState.STOPPED: 1,
    LineState.NO_DATA: 2,
    LineState.MAINTENANCE: 4,
    LineState.IDLE: 5,
    LineState.SETUP: 6,
    LineState.RUNNING: 7,
}


@dataclass(frozen=True, slots=True)
class Today:
    """The production day the board shows."""

    begin: dt.datetime
    end: dt.datetime
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class LineNow:
    line: ProductionLine
    interval: LineStateInterval | None  # the open one
    since: dt.datetime | None
    intervals: list[LineStateInterval]  # of today, oldest first
    job: JobOrder | None
    figures: KeyFigures
    today: Today

    @property
    def state(self) -> str:
        """A line that reports nothing is in no state; it is never shown as idle."""
        return self.interval.state if self.interval else LineState.NO_DATA

    @property
    def unexplained(self) -> list[LineStateInterval]:
        return [interval for interval in self.intervals if interval.needs_explanation]

    @property
    def is_late(self) -> bool:
        return self.job is not None and self.job.work_order.scheduled_end < self.today.now

    @property
    def rank(self) -> int:
        """0 is what a person must see first."""
        if self.interval and self.interval.needs_explanation:
            return 0
        if self.state == LineState.NO_DATA and (self.since is None or self.today.now - self.since > NO_LONGER_NEWS):
            return 9
        rank = RANK[LineState(self.state)]
        if rank > 3 and (self.is_late or self._is_held):
            return 3
        return rank

    @property
    def _is_held(self) -> bool:
        return self.job is not None and self.job.status == JobOrderStatus.HELD


def today_at(now: dt.datetime) -> Today:
    begin, end = production_day_bounds(day=production_day(at=now))
    return Today(begin=begin, end=end, now=now)


def active_lines() -> QuerySet[ProductionLine]:
    ended = LineStateInterval.objects.filter(line=OuterRef("pk"), ended_at__isnull=False).order_by("-started_at")
    lines = visible(ProductionLine.objects.filter(is_active=True))
    return lines.annotate(last_known=Subquery(ended.values("ended_at")[:1]))


def board_lines(*, now: dt.datetime) -> list[LineNow]:
    """Every active line the account works on, in a constant number of queries."""
    lines = _lines_now(active_lines(), now=now)
    return sorted(lines, key=lambda at: (at.rank, at.line.line_code))


def board_line(line_id: UUID, *, now: dt.datetime) -> LineNow | None:
    return next(iter(_lines_now(active_lines().filter(pk=line_id), now=now)), None)


def _lines_now(lines: QuerySet[ProductionLine], *, now: dt.datetime) -> list[LineNow]:
    found = list(lines)
    if not found:
        return []
    today = today_at(now)
    ids = [line.pk for line in found]
    intervals = intervals_between(ids, today.begin, today.end)
    jobs, figures = pressing_job_by_line(ids), today_by_line(now, ids)
    return [_line_now(line, intervals[line.pk], jobs.get(line.pk), figures, today) for line in found]


def _line_now(
    line: ProductionLine,
    intervals: list[LineStateInterval],
    job: JobOrder | None,
    figures: dict[UUID, KeyFigures],
    today: Today,
) -> LineNow:
    current = next((interval for interval in intervals if interval.ended_at is None), None)
    return LineNow(
        line=line,
        interval=current,
        since=current.started_at if current else line.last_known,  # type: ignore[attr-defined]  # annotated
        intervals=intervals,
        job=job,
        figures=figures.get(line.pk, KeyFigures()),
        today=today,
    )


def intervals_between(
    line_ids: Iterable[UUID], begin: dt.datetime, end: dt.datetime
) -> dict[UUID, list[LineStateInterval]]:
    """What each line did in a period, oldest first; the first and last may reach beyond it."""
    rows = (
        LineStateInterval.objects.filter(line_id__in=list(line_ids))
        .filter(Q(ended_at=None) | Q(ended_at__gt=begin))
        .filter(started_at__lt=end)
        .select_related("reason", "explained_by")
        .order_by("started_at")
    )
    by_line = defaultdict(list)
    for interval in rows:
        by_line[interval.line_id].append(interval)
    return by_line


def reasons_by_use(kind: str, *, now: dt.datetime | None = None) -> list[ReasonCode]:
    """Active reasons, the most used of the last 30 days first, so that the likely one is under the thumb."""
    reasons = ReasonCode.objects.filter(kind=kind, is_active=True)
    if kind == ReasonKind.STOP:
        since = (now or timezone.now()) - REASONS_COUNTED_OVER
        uses = (
            LineStateInterval.objects.filter(reason=OuterRef("pk"), started_at__gte=since)
            .order_by()
            .values("reason")
            .annotate(uses=Count("pk"))
            .values("uses")
        )
        reasons = reasons.annotate(uses=Coalesce(Subquery(uses, output_field=IntegerField()), 0))
        return list(reasons.order_by(F("uses").desc(), "sort_order", "name"))
    return list(reasons.order_by("sort_order", "name"))
