"""The one door of readings. Acknowledged is what is committed; the first reading of a moment wins."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

import numpy as np
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from psycopg import errors

from telemetry.enums import HeldBack, Quality
from telemetry.points import HOUR_US, Odd, Points, Sent
from telemetry.queries import catalogue
from telemetry.queries.catalogue import Catalogue, KnownSource, SourceGone
from telemetry.services.held_back import hold_back

PROCESS = uuid4()  # counts of two processes never share a row
COPY = "COPY telemetry_reading (time, value, series, quality) FROM STDIN (FORMAT BINARY)"
ADD_WHAT_IS_NEW = """
    INSERT INTO telemetry_reading (time, value, series, quality)
    SELECT to_timestamp(0) + t * interval '1 microsecond', v, s, q
    FROM unnest(%s::bigint[], %s::float8[], %s::int[], %s::smallint[]) AS p (t, v, s, q)
    ON CONFLICT DO NOTHING
"""
MAKE_DAYS = "SELECT count(*) FILTER (WHERE telemetry_make_day(day)) FROM unnest(%s::date[]) AS day"
NOTE_HOURS = """
    INSERT INTO telemetry_dirty_hour (series, hour)
    SELECT s, to_timestamp(0) + t * interval '1 microsecond' FROM unnest(%s::int[], %s::bigint[]) AS p (s, t)
"""
COUNTED = ("stored", "duplicates", "late", "not_good", "held_back", "refused")
COUNT = """
    INSERT INTO telemetry_intake AS i
        (source_id, minute, process, stored, duplicates, late, not_good, held_back, refused, last_at)
    VALUES (%s, date_trunc('minute', now()), %s, %s, %s, %s, %s, %s, %s, now())
    ON CONFLICT (source_id, minute, process) DO UPDATE SET stored = i.stored + excluded.stored,
        duplicates = i.duplicates + excluded.duplicates, late = i.late + excluded.late,
        not_good = i.not_good + excluded.not_good, held_back = i.held_back + excluded.held_back,
        refused = i.refused + excluded.refused, last_at = excluded.last_at
    RETURNING (SELECT version FROM telemetry_catalogue)
"""


@dataclass(frozen=True, slots=True)
class Window:
    """How far the clock of a source may be off before its readings wait for a person."""

    past: dt.timedelta = dt.timedelta(days=35)
    future: dt.timedelta = dt.timedelta(hours=26)  # a day, and a clock that shows local time


DEVICE = Window()
HISTORY = Window(past=dt.timedelta(days=365 * 26))  # an import says itself how old its readings are


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the readings of one call; they sum up to what was sent."""

    stored: int = 0
    duplicates: int = 0
    held_back: int = 0
    refused: int = 0  # beyond what is held back for one source: not kept, and said so
    late: int = 0  # of the stored: for an hour that is over
    not_good: int = 0  # of the stored

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(**{name: getattr(self, name) + getattr(other, name) for name in COUNTED})


class _Outdated(Exception):
    """The catalogue changed since it was read."""


def take(find: Callable[[Catalogue], KnownSource | None], sent: Sent, *, window: Window = DEVICE) -> Taken:
    """Store readings of a source in one transaction, and say what became of each.

    `find` says whose they are, or None for nobody who may send; it is asked again when something changes.

    Readings of a moment that is known already are duplicates, whatever their value; those outside of what the series
    can be, and those that are no number, are stored as bad; those without a series, or from a clock that is far off,
    are held back for a person. Raises SourceGone, and DatabaseError when nothing was stored.
    """
    add, has_made_days, gone = _add_all, False, frozenset[dt.date]()
    catalogue.find_source(find)
    known = catalogue.current()
    while True:
        source = find(known)
        if source is None:
            raise SourceGone
        points, odd = _sorted_out(known, source, sent, window, gone)
        try:
            return _store(known.version, source, points, odd, add)
        except _Outdated:
            known = catalogue.read_anew()
        except DatabaseError as error:
            if isinstance(error.__cause__, errors.UniqueViolation) and add is _add_all:
                add = _add_what_is_new
            elif _is_day_missing(error) and not has_made_days:
                gone = _days_gone(points.days())
                make_days(points.days())  # or another process did, a moment ago
                has_made_days = True
            else:
                raise


def make_days(days: Iterable[dt.date]) -> int:
    """Make the tables of these days where they are missing; returns how many were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE telemetry_make_day(day)) FROM unnest(%s::date[]) AS day", [list(days)]
        )
        return int(cursor.fetchone()[0])


def _days_gone(days: list[dt.date]) -> frozenset[dt.date]:
    """Those that stand in an archive and in no table: nothing is added to them any more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT telemetry_days_gone(%s::date[])", [days])
        return frozenset(day for (day,) in cursor.fetchall())


def _is_day_missing(error: DatabaseError) -> bool:
    cause = error.__cause__
    return isinstance(cause, errors.CheckViolation) and cause.diag.constraint_name is None


def _store(version: UUID, source: KnownSource, points: Points, odd: list[Odd], add: Callable[[Points], int]) -> Taken:
    with transaction.atomic():
        stored = add(points) if len(points) else 0
        late = _note_other_hours(points)
        held_back, refused = hold_back(source.id, odd) if odd else (0, 0)
        taken = Taken(
            stored=stored,
            duplicates=len(points) - stored,
            held_back=held_back,
            refused=refused,
            late=late,
            not_good=int(np.count_nonzero(points.quality)),
        )
        if _count(source, taken) != version:
            raise _Outdated
    return taken


def _sorted_out(
    known: Catalogue, source: KnownSource, sent: Sent, window: Window, gone: frozenset[dt.date]
) -> tuple[Points, list[Odd]]:
    """The readings that have a series and a moment, marked; and those that wait for a person."""
    find = source.numbers.get
    points = Points(
        np.array([find(name, 0) for name in sent.names], np.int32),
        np.asarray(sent.times, np.int64),
        np.array(sent.values, np.float64),
        np.zeros(len(sent.names), np.int16) if sent.qualities is None else np.array(sent.qualities, np.int16),
    )
    now = timezone.now()
    in_time = (points.time >= _us(now - window.past)) & (points.time <= _us(now + window.future))
    fits = (points.series > 0) & in_time & ~points.of_days(gone)
    odd = list(sent.odd)
    if not fits.all():
        for at in np.flatnonzero(~fits).tolist():
            reason = HeldBack.CLOCK if not in_time[at] else HeldBack.ARCHIVED
            reason = reason if points.series[at] else HeldBack.UNKNOWN
            odd.append(Odd(sent.names[at], reason, int(points.time[at]), sent.values[at], int(points.quality[at])))
        points = points.where(fits)
    low, high = known.minimum[points.series], known.maximum[points.series]
    points.quality[~((points.value >= low) & (points.value <= high) & np.isfinite(points.value))] = Quality.BAD
    return points, odd


def _add_all(points: Points) -> int:
    """All at once, the usual way; a reading that is known already refuses the whole."""
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.write(points.as_copy())
    return len(points)


def _add_what_is_new(points: Points) -> int:
    with connection.cursor() as cursor:
        cursor.execute(ADD_WHAT_IS_NEW, points.as_lists())
        return int(cursor.rowcount)


def _note_other_hours(points: Points) -> int:
    """Note hours that are not the present one, which is summed up anew anyway; returns how many readings are late."""
    hours, this_hour = points.time // HOUR_US, _us(timezone.now()) // HOUR_US
    other = hours != this_hour
    if not other.any():
        return 0
    with connection.cursor() as cursor:
        series, beginnings = zip(*points.where(other).hours(), strict=True)
        cursor.execute(NOTE_HOURS, [list(series), list(beginnings)])
    return int(np.count_nonzero(hours < this_hour))


def _count(source: KnownSource, taken: Taken) -> UUID:
    """Add to what this process took in this minute; returns the version of the catalogue as it is now."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [source.id, PROCESS, *(getattr(taken, name) for name in COUNTED)])
        version: UUID = cursor.fetchone()[0]
        return version


def _us(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
