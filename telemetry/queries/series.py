"""Series as pages and API read them."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from math import fsum

from django.db import connection
from django.utils import timezone

from telemetry.models import Series
from telemetry.queries.archived import archived

RAW_AT_MOST = 20_000  # readings that are drawn one by one, or two of each stretch
MIN_MAX = """
    WITH raw AS (
        SELECT time, value, quality,
            least(%(points)s - 1, width_bucket(extract(epoch FROM time), extract(epoch FROM %(start)s::timestamptz),
                extract(epoch FROM %(end)s::timestamptz), %(points)s)) AS stretch
        FROM telemetry_reading WHERE series = %(series)s AND time >= %(start)s AND time < %(end)s
    )
    SELECT min(time), min(value) FILTER (WHERE quality < 2), max(value) FILTER (WHERE quality < 2),
        avg(value) FILTER (WHERE quality < 2), count(*), count(*) FILTER (WHERE quality > 0)
    FROM raw GROUP BY stretch ORDER BY stretch
"""
RAW = """
    SELECT time, value, quality FROM telemetry_reading
    WHERE series = %(series)s AND time >= %(start)s AND time < %(end)s ORDER BY time
"""
MANY = """
    SELECT FROM telemetry_reading
    WHERE series = %(series)s AND time >= %(start)s AND time < %(end)s OFFSET %(most)s LIMIT 1
"""
HOURS = """
    SELECT min(hour), min(minimum), max(maximum), sum(sum) / nullif(sum(usable), 0), sum(readings), sum(readings - good)
    FROM telemetry_hour WHERE series = %(series)s AND hour >= %(start)s AND hour < %(end)s
    GROUP BY floor(extract(epoch FROM hour) / %(step)s) ORDER BY 1
"""


Row = tuple[dt.datetime, float, int]  # moment, value, quality


class Level(StrEnum):
    """What one drawn point is: a reading, the least and most of some, or of whole hours."""

    RAW = "raw"
    STRETCH = "stretch"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Drawn:
    at: dt.datetime
    low: float | None
    high: float | None
    mean: float | None
    readings: int
    not_good: int


@dataclass(frozen=True, slots=True)
class Curve:
    level: Level
    points: list[Drawn]
    days_missing: list[dt.date]  # whose file is not where it was written: the curve has a gap there


@dataclass(frozen=True, slots=True)
class Newest:
    time: dt.datetime
    value: float
    quality: int


def newest(series: list[Series]) -> dict[int, Newest]:
    """The newest reading of each, by number; one query whatever their number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT series, time, value, quality FROM telemetry_now WHERE series = ANY(%s) AND time IS NOT NULL",
            [[one.number for one in series]],
        )
        return {number: Newest(*rest) for number, *rest in cursor.fetchall()}


def curve(series: Series, start: dt.datetime, end: dt.datetime, *, points: int = 500) -> Curve:
    """What happened from `start` to `end` (not included) in about `points` points, whatever was stored.

    The highest and the lowest of each stretch are always among what is drawn. Whole hours are read when the readings
    would be too many; bad readings are counted and not drawn.
    """
    with connection.cursor() as cursor:
        asked: dict[str, int | float | dt.datetime] = {
            "series": series.number,
            "start": start,
            "end": end,
            "points": points,
        }
        cursor.execute(
            "SELECT coalesce(sum(readings), 0) FROM telemetry_hour"
            " WHERE series = %(series)s AND hour > %(start)s::timestamptz - interval '1 hour' AND hour < %(end)s",
            asked,
        )
        number = cursor.fetchone()[0]
        is_long = end - start >= dt.timedelta(hours=points / 4)
        if number > RAW_AT_MOST * 10 and is_long:
            step = max(3600, (end - start).total_seconds() // points // 3600 * 3600)
            cursor.execute(HOURS, asked | {"step": step})
            return Curve(Level.HOURS, [Drawn(*row) for row in cursor.fetchall()], [])
        old = archived(series, start, end)
        # Counted anew, up to where it matters: the sums may be behind, and then nothing would bound what is read.
        cursor.execute(MANY, asked | {"most": points * 2})
        if cursor.fetchone() and not old.rows:
            cursor.execute(MIN_MAX, asked)
            return Curve(Level.STRETCH, [Drawn(*row) for row in cursor.fetchall()], old.days_missing)
        cursor.execute(RAW, asked)
        rows = old.rows + cursor.fetchall()
    if len(rows) > points * 2:
        return Curve(Level.STRETCH, _stretches(rows, start, end, points), old.days_missing)
    return Curve(Level.RAW, [_one(*row) for row in rows], old.days_missing)


def _stretches(rows: list[Row], start: dt.datetime, end: dt.datetime, points: int) -> list[Drawn]:
    """The same as MIN_MAX, of readings that stand in a file."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(int((row[0] - start) / (end - start) * points), []).append(row)
    return [_together(found[stretch]) for stretch in sorted(found)]


def _together(rows: list[Row]) -> Drawn:
    usable = [value for _at, value, quality in rows if quality < 2]
    not_good = sum(quality > 0 for _at, _value, quality in rows)
    if not usable:
        return Drawn(rows[0][0], None, None, None, len(rows), not_good)
    return Drawn(rows[0][0], min(usable), max(usable), fsum(usable) / len(usable), len(rows), not_good)


def _one(at: dt.datetime, value: float, quality: int) -> Drawn:
    shown = value if quality < 2 else None
    return Drawn(at, shown, shown, shown, 1, int(quality > 0))


def summed_up_until() -> dt.datetime | None:
    """Up to when the readings are in the sums of their hours; None before the first time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT at FROM telemetry_summed_up")
        row = cursor.fetchone()
    return row[0] if row else None


def is_silent(series: Series, latest: Newest | None) -> bool:
    """Whether the source broke its promise: no reading for three of its intervals."""
    if series.expected_interval is None:
        return False
    patience = dt.timedelta(seconds=3 * series.expected_interval)
    return latest is None or timezone.now() - latest.time > patience
