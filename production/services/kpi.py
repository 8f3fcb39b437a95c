"""Keeping the key figures true: recompute the days that changed, then refresh the view on top."""

import datetime as dt
import time

from django.db import connection, transaction
from django.utils import timezone

from production.models import KpiRefresh

VIEW = "mv_production_kpi_daily"
LOCK = "genba.refresh_kpis"


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
        cursor.execute(f"REFRESH MATERIALIZED VIEW CONCURRENTLY {VIEW}")
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
        dirty = set(cursor.fetchall())
        cursor.execute(
            """
            SELECT l.id, d::date FROM production_lines l, generate_series(
                coalesce((SELECT production_day_of(refreshed_at) FROM production_kpirefresh WHERE view_name = %s),
                         production_day_of(now()))::timestamp,
                production_day_of(now())::timestamp, interval '1 day') d
            WHERE l.is_active
            """,
            [VIEW],
        )
        dirty |= set(cursor.fetchall())
        if everything:
            cursor.execute("SELECT line_id, report_date FROM production_kpi_day")
            dirty |= set(cursor.fetchall())
        lines, days = zip(*sorted(dirty), strict=True) if dirty else ((), ())
        cursor.execute(
            "SELECT production_recompute_kpi_day(line, day) FROM unnest(%s::uuid[], %s::date[]) AS d (line, day)",
            [list(lines), list(days)],
        )
    return len(dirty)


def last_refresh() -> KpiRefresh | None:
    return KpiRefresh.objects.filter(pk=VIEW).first()


def is_stale(refresh: KpiRefresh | None, *, now: dt.datetime) -> bool:
    """The beat runs every minute; three missed runs mean the figures are old and the page says so."""
    return refresh is None or now - refresh.refreshed_at > dt.timedelta(minutes=3)
