"""Sums of each hour, made anew from the readings every minute; what comes late is summed up with the next run."""

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

LOCK = "genba.telemetry.sum_up"
SINCE = """
    SELECT date_trunc('hour', least(now(), coalesce((SELECT at FROM telemetry_summed_up),
        (SELECT min(minute) FROM telemetry_intake), now())) - interval '10 minutes')
"""  # ten minutes: what was stored just before the last run, by a process whose clock is behind
HOURS = "SELECT telemetry_sum_hour(h) FROM generate_series(%s, date_trunc('hour', now()), interval '1 hour') AS h"
REMEMBER_LATEST = """
    INSERT INTO telemetry_latest AS l SELECT series, time, value, quality FROM telemetry_now WHERE time IS NOT NULL
    ON CONFLICT (series) DO UPDATE SET time = excluded.time, value = excluded.value, quality = excluded.quality
    WHERE excluded.time > l.time
"""
DONE = """
    INSERT INTO telemetry_summed_up VALUES (true, now()) ON CONFLICT (one) DO UPDATE SET at = excluded.at
"""


def sum_up() -> int:
    """Bring the hours up to date; returns how many sums changed. Safe to run twice: one run at a time works."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(current_schema() || %s))", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
        changed = _hours(cursor)
        cursor.execute(REMEMBER_LATEST)
        cursor.execute(DONE)
    return changed


def _hours(cursor: CursorWrapper) -> int:
    cursor.execute(SINCE)
    cursor.execute(HOURS, cursor.fetchone())
    changed = sum(row[0] for row in cursor.fetchall())
    cursor.execute("SELECT telemetry_sum_dirty()")
    return changed + int(cursor.fetchone()[0])
