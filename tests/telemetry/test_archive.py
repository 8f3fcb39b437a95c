"""Old days of readings leave the database and are found again; nothing goes before a file holds all of it."""

import datetime as dt
import math

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from telemetry.models import HeldBackSeries, ReadingArchive
from telemetry.points import Sent
from telemetry.queries.series import Level, curve
from telemetry.services import archive
from telemetry.services.archive import ArchiveDiffers, archive_day, archive_days, drop_days
from telemetry.services.ingest import HISTORY, take
from telemetry.services.rollup import sum_up

NOW = timezone.now()
OLD = dt.datetime.combine(NOW.date() - dt.timedelta(days=100), dt.time(), dt.UTC)


@pytest.fixture
def place(settings, tmp_path):
    settings.TELEMETRY_ARCHIVE_DIR = str(tmp_path)
    return tmp_path


@pytest.fixture
def send(source, temperature):
    def write(moments, values):
        sent = Sent([temperature.source_key] * len(moments), [int(m.timestamp() * 1_000_000) for m in moments], values)
        return take(lambda known: known.sources.get(source.pk), sent, window=HISTORY)

    return write


@pytest.fixture
def old_day(send):
    """Twenty thousand readings of a day long ago, one of them no number and one impossible."""
    moments = [OLD + dt.timedelta(seconds=4 * n, microseconds=n) for n in range(20_000)]
    values = [20 + math.sin(n / 500) for n in range(20_000)]
    values[7], values[9] = math.nan, 1e6
    send(moments, values)
    sum_up()
    return OLD.date()


def day_of(series, **options):
    return curve(series, OLD, OLD + dt.timedelta(days=1), **options)


def test_a_day_is_the_same_from_its_file_as_from_the_database(place, old_day, temperature):
    few = OLD, OLD + dt.timedelta(minutes=5)
    before, before_few = day_of(temperature), curve(temperature, *few)
    assert (before.level, before_few.level) == (Level.STRETCH, Level.RAW)

    (made,) = archive_days(now=NOW)
    assert drop_days(now=NOW) == [old_day]

    after, after_few = day_of(temperature), curve(temperature, *few)
    assert after_few == before_few
    assert len(after.points) == len(before.points)
    for ours, theirs in zip(after.points, before.points, strict=True):
        assert (ours.at, ours.low, ours.high, ours.readings, ours.not_good) == (
            theirs.at, theirs.low, theirs.high, theirs.readings, theirs.not_good,
        )  # fmt: skip
        assert ours.mean == pytest.approx(theirs.mean, rel=1e-12)
    assert made.readings == 20_000
    assert made.size < 20_000 * 100 / 5  # ten times and more on real data: benchmarks/telemetry_archive.py


def test_hours_stay_when_their_readings_went(place, old_day, temperature, monkeypatch):
    archive_days(now=NOW)
    drop_days(now=NOW)
    assert sum_up() == 0
    monkeypatch.setattr("telemetry.queries.series.RAW_AT_MOST", 10)

    drawn = curve(temperature, OLD - dt.timedelta(days=2), OLD + dt.timedelta(days=4))

    assert drawn.level == Level.HOURS
    assert sum(point.readings for point in drawn.points) == 20_000


def test_what_comes_for_a_day_that_went_is_held_back(place, old_day, send):
    archive_days(now=NOW)
    drop_days(now=NOW)

    taken = send([OLD + dt.timedelta(hours=1, microseconds=1), NOW], [1.0, 2.0])

    assert (taken.stored, taken.held_back) == (1, 1)
    assert HeldBackSeries.objects.get().reason == "archived"


def test_a_day_that_got_more_is_archived_again_and_not_dropped_before(place, old_day, send):
    first = archive_day(old_day)
    assert archive_day(old_day) is None
    send([OLD + dt.timedelta(hours=2, microseconds=1)], [1.0])
    with pytest.raises(DatabaseError, match="no archive holds"), transaction.atomic():
        drop_days(now=NOW)

    second = archive_day(old_day)

    assert (first.readings, second.readings) == (20_000, 20_001)
    assert first.file_name != second.file_name
    assert drop_days(now=NOW) == [old_day]


def test_a_file_that_was_changed_or_is_gone_keeps_the_day_in_the_database(place, old_day):
    made = archive_day(old_day)
    path = place / made.file_name
    whole = path.read_bytes()
    path.write_bytes(whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:])
    with pytest.raises(ArchiveDiffers):
        drop_days(now=NOW)
    path.unlink()
    with pytest.raises(ArchiveDiffers):
        drop_days(now=NOW)

    assert old_day in archive.days_with_a_table()


def test_a_file_that_does_not_hold_the_day_is_not_noted(place, old_day, monkeypatch):
    monkeypatch.setattr("telemetry.parquet.sums", lambda path: (19_999, 0.0, None, None, 1))

    with pytest.raises(ArchiveDiffers):
        archive_day(old_day)

    assert not ReadingArchive.objects.exists()
    assert list(place.iterdir()) == []


def test_a_missing_file_is_a_gap_that_is_said(place, old_day, temperature, signed_in):
    made = archive_day(old_day)
    drop_days(now=NOW)
    (place / made.file_name).unlink()

    assert day_of(temperature) == curve(temperature, OLD, OLD + dt.timedelta(days=1))
    assert day_of(temperature).days_missing == [old_day]
    assert day_of(temperature).points == []


def test_a_young_day_stays_whoever_asks(place, send):
    young = NOW - dt.timedelta(days=36)
    send([young], [1.0])
    archive_day(young.date())

    with pytest.raises(DatabaseError, match="may still get readings"), connection.cursor() as cursor:
        cursor.execute("SELECT telemetry_drop_day(%s)", [young.date()])


def test_the_database_drops_nothing_that_no_archive_holds(place, old_day):
    with pytest.raises(DatabaseError, match="no archive holds"), connection.cursor() as cursor:
        cursor.execute("SELECT telemetry_drop_day(%s)", [old_day])
