"""Old days of readings: written as files, found again through the same pages, and taken out of the database."""

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from audit.journal import change
from telemetry import parquet
from telemetry.models import ReadingArchive
from telemetry.points import POSTGRES_EPOCH_US, Points

log = structlog.get_logger(__name__)

AFTER_DAYS = 36  # a device may send for 35 (telemetry.services.ingest.DEVICE), and a day of grace
CLOSED_AFTER = 2  # hardly a reading comes later
PART = 500_000  # readings in memory at a time
_HEADER, _TAIL = 19, 2
_ROW = np.dtype({
    "names": ["columns", "l1", "series", "l2", "time", "l3", "value", "l4", "quality"],
    "formats": [">i2", ">i4", ">i4", ">i4", ">i8", ">i4", ">f8", ">i4", ">i2"],
})  # fmt: skip
OF_A_DAY = """
    SELECT series, time, value, quality FROM telemetry_reading
    WHERE time >= %s AND time < %s ORDER BY series, time
"""
DAYS = """
    SELECT to_date(substring(c.relname FROM '\\d{8}\\Z'), 'YYYYMMDD')
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'telemetry_reading'::regclass ORDER BY 1
"""
COUNT = "SELECT count(*) FROM telemetry_reading WHERE time >= %s AND time < %s"


class ArchiveDiffers(Exception):
    """A file does not hold what the database has, or what was noted of it. Nothing was dropped."""


def days_with_a_table() -> list[dt.date]:
    with connection.cursor() as cursor:
        cursor.execute(DAYS)
        return [day for (day,) in cursor.fetchall()]


def reindex_closed_day(today: dt.date) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT telemetry_reindex_day(%s)", [today - dt.timedelta(days=CLOSED_AFTER)])


def archive_days(*, now: dt.datetime) -> list[ReadingArchive]:
    """Archive every day no device sends to any more that is not archived as it is, oldest first."""
    last = now.date() - dt.timedelta(days=AFTER_DAYS)
    made = []
    for day in days_with_a_table():
        if day <= last and (archive := archive_day(day)):
            made.append(archive)
    return made


def archive_day(day: dt.date) -> ReadingArchive | None:
    """Write the file of a day, read it again, and note its digest. None when the day is empty or archived as it is.

    Raises ArchiveDiffers when the file, read again, holds something else than the database.
    """
    known = ReadingArchive.objects.filter(day=day).order_by("-pk").first()
    there = _count(day)
    if not there or (known and known.readings == there):
        return None
    name = f"readings-{day:%Y-%m-%d}-{ReadingArchive.objects.filter(day=day).count() + 1}.parquet"
    path = folder() / name
    building, read = path.with_suffix(".part"), _Sums()
    parquet.write(building, read.of(_parts(day)))
    if not read.are(parquet.sums(building)):
        building.unlink()
        raise ArchiveDiffers(f"{name} does not hold what the database has")
    _make_durable(building, path)
    with change("archive_readings"):
        archive = ReadingArchive(day=day, file_name=name, sha256=_digest(path), size=path.stat().st_size)
        archive.readings, archive.made_at = read.readings, timezone.now()
        archive.save(force_insert=True)
    return archive


def drop_days(*, now: dt.datetime) -> list[dt.date]:
    """Take days older than TELEMETRY_RAW_DAYS out of the database whose file is there as it was written."""
    last = now.date() - dt.timedelta(days=max(settings.TELEMETRY_RAW_DAYS, AFTER_DAYS + 2))
    return [day for day in days_with_a_table() if day <= last and _drop(day)]


def _drop(day: dt.date) -> bool:
    archive = ReadingArchive.objects.filter(day=day).order_by("-pk").first()
    if archive is None:
        return False
    path = folder() / archive.file_name
    if not path.exists() or _digest(path) != archive.sha256:
        log.error("reading_archive_differs", file=archive.file_name)
        raise ArchiveDiffers(f"{archive.file_name} is missing, or not as it was written")
    with change("drop_archived_readings"), connection.cursor() as cursor:
        cursor.execute("SELECT telemetry_drop_day(%s)", [day])
    return True


def folder() -> Path:
    return Path(settings.TELEMETRY_ARCHIVE_DIR)


def _bounds(day: dt.date) -> list[dt.datetime]:
    begin = dt.datetime.combine(day, dt.time(), dt.UTC)
    return [begin, begin + dt.timedelta(days=1)]


def _count(day: dt.date) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, _bounds(day))
        return int(cursor.fetchone()[0])


@dataclass(slots=True)
class _Sums:
    """Of what was read from the database, to compare with what is read from the file."""

    readings: int = 0
    total: float = 0.0
    first: int | None = None
    last: int | None = None
    series: set[int] = field(default_factory=set)

    def of(self, parts: Iterator[Points]) -> Iterator[Points]:
        for part in parts:
            self.readings += len(part)
            self.total += float(part.value[np.isfinite(part.value)].sum())
            first, last = int(part.time.min()), int(part.time.max())
            self.first = first if self.first is None else min(first, self.first)
            self.last = last if self.last is None else max(last, self.last)
            self.series.update(np.unique(part.series).tolist())
            yield part

    def are(self, theirs: tuple[Any, ...]) -> bool:
        """Sums of floats depend on their order, in the last digits only."""
        readings, total, *rest = theirs
        same = (readings, rest) == (self.readings, [self.first, self.last, len(self.series)])
        return same and bool(np.isclose(total, self.total, rtol=1e-9, atol=1e-9))


def _parts(day: dt.date) -> Iterator[Points]:
    """The readings of a day in the order of the file, some hundred thousand at a time."""
    with connection.wrap_database_errors, connection.cursor() as cursor:
        statement = cursor.mogrify(OF_A_DAY, _bounds(day))
        with cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT BINARY)") as copy:
            held = bytearray()
            is_begun = False
            for chunk in copy:
                held += chunk
                if not is_begun and len(held) >= _HEADER:
                    del held[:_HEADER]
                    is_begun = True
                if len(held) >= PART * _ROW.itemsize:
                    yield _points(held, PART)
                    del held[: PART * _ROW.itemsize]
            rest = (len(held) - _TAIL) // _ROW.itemsize
            if rest > 0:
                yield _points(held, rest)


def _points(held: bytearray, number: int) -> Points:
    rows = np.frombuffer(bytes(held[: number * _ROW.itemsize]), _ROW)
    return Points(
        rows["series"].astype(np.int32),
        rows["time"].astype(np.int64) + POSTGRES_EPOCH_US,
        rows["value"].astype(np.float64),
        rows["quality"].astype(np.int16),
    )


def _make_durable(building: Path, path: Path) -> None:
    with building.open("rb") as written:
        os.fsync(written.fileno())
    building.replace(path)
    place = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _digest(path: Path) -> str:
    with path.open("rb") as written:
        return file_digest(written, "sha256").hexdigest()
