"""Readings of days that left the database: read from their files."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from telemetry import parquet
from telemetry.models import Series

FILES = """
    SELECT DISTINCT ON (a.day) a.day, a.file_name FROM telemetry_readingarchive a
    WHERE a.day BETWEEN %(first)s AND %(last)s
      AND a.day IN (SELECT telemetry_days_gone(array_agg(d.day)) FROM telemetry_readingarchive d
                    WHERE d.day BETWEEN %(first)s AND %(last)s)
    ORDER BY a.day, a.id DESC
"""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Archived:
    rows: list[tuple[dt.datetime, float, int]]
    days_missing: list[dt.date]


def archived(series: Series, start: dt.datetime, end: dt.datetime) -> Archived:
    """The readings of a series from `start` to `end` (not included) that stand in files only, in order of time."""
    with connection.cursor() as cursor:
        cursor.execute(FILES, {"first": start.astimezone(dt.UTC).date(), "last": end.astimezone(dt.UTC).date()})
        files = {day: Path(settings.TELEMETRY_ARCHIVE_DIR) / name for day, name in cursor.fetchall()}
    there = [path for path in files.values() if path.is_file()]
    rows = parquet.read(there, series.number, _us(start), _us(end))
    return Archived(
        [(EPOCH + dt.timedelta(microseconds=time), value, quality) for time, value, quality in rows],
        [day for day, path in files.items() if not path.is_file()],
    )


def _us(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
