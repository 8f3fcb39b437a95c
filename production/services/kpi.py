"""Keeping the key figures true: recompute the days that changed, then refresh the view on top."""

import datetime as dt
import time

from django.db import connection, transaction
from django.utils import timezone

from production.events import publish_kpis
from production.models import KpiRefresh

VIEW = "mv_production_kpi_daily"
LOCK = "genba.refresh_kpis"

DAYS_SINCE_REFRESH = """
    SELECT l.id, d::date FROM production_lines l, generate_series(
        coalesce((SELECT production_day_of(refreshed_at) FROM production_kpirefresh WHERE view_name = %(view)s),
                 production_day_of(now()))::timestamp,
        production_day_of(now())::timestamp, interval '1 day') d
    WHERE l.is_active
"""
# From a line's first fact to today, and what the base already holds: a day that lost its facts becomes empty.
DAYS_WITH_FACTS = """
    SELECT f.line_id, d::date FROM (
        SELECT line_id, min(moment) AS first FROM (
            SELECT line_id, min(started_at) AS moment FROM equipment_linestateinterval GROUP BY line_id
            UNION ALL SELECT line_id, min(starts_at) FROM production_scheduledshift GROUP BY line_id
            UNION ALL SELECT production_line_id, min(reported_at) FROM production_quantityreport GROUP BY 1
            UNION ALL SELECT production_line_id, min(least(scheduled_start, actual_end)) FROM work_orders GROUP BY 1
        ) facts WHERE line_id IS NOT NULL GROUP BY line_id
    ) f, generate_series(production_day_of(f.first)::timestamp, production_day_of(now())::timestamp, interval '1 day') d
    UNION SELECT line_id, report_date FROM production_kpi_day
"""


def refresh_kpis(*, everything: bool = False) -> KpiRefresh | None:
    """Recompute dirty days and refresh the view without blocking its readers.

    Returns None when another refresh is at work (transaction-level advisory lock). Safe to run at any time and
    twice: each day is computed whole from its facts. `everything` recomputes every day that has facts.
    """
    started = time.monotonic()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(current_schema() || %s))", [LOCK])
        if not cursor.fetchone()[0]:
            return None
        days = _recompute(everything=everything)
        cursor.execute("SELECT production_refresh_kpi_view()")
        transaction.on_commit(publish_kpis)
        return KpiRefresh.objects.update_or_create(
            view_name=VIEW,
            defaults={
                "refreshed_at": timezone.now(),
                "duration_ms": (time.monotonic() - started) * 1000,
                "days_recomputed": days,
            },
        )[0]


def _recompute(*, everything: bool) -> int:
    """Days named dirty, and every day of every line since the last refresh: open states grow without an event."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM production_kpi_dirty_day RETURNING line_id, report_date")
        days = set(cursor.fetchall())
        cursor.execute(DAYS_WITH_FACTS if everything else DAYS_SINCE_REFRESH, {"view": VIEW})
        days |= set(cursor.fetchall())
        cursor.execute(
            "SELECT production_recompute_kpi_day(line, day), production_recompute_kpi_day_stops(line, day) "
            "FROM unnest(%s::uuid[], %s::date[]) AS d (line, day)",
            [[line for line, _day in sorted(days)], [day for _line, day in sorted(days)]],
        )
    return len(days)


def last_refresh() -> KpiRefresh | None:
    return KpiRefresh.objects.filter(pk=VIEW).first()


def is_stale(refresh: KpiRefresh | None, *, now: dt.datetime) -> bool:
    """The beat runs every minute; three missed runs mean the figures are old and the page says so."""
    return refresh is None or now - refresh.refreshed_at > dt.timedelta(minutes=3)
