"""Sums of hours agree with the readings, whatever came when."""

import datetime as dt
import math
import statistics
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from telemetry.models import Intake
from telemetry.points import Sent
from telemetry.queries.series import Level, curve, newest
from telemetry.services.ingest import HISTORY, take
from telemetry.services.rollup import sum_up
from telemetry.tasks import turn_days

NOW = timezone.now()
HOUR = NOW.replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def store(source, temperature):
    """`store({moment: value})`, all of one series."""

    def write(values, quality=0):
        sent = Sent(
            [temperature.source_key] * len(values),
            [int(at.timestamp() * 1_000_000) for at in values],
            list(values.values()),
            [quality] * len(values),
        )
        return take(lambda known: known.sources.get(source.pk), sent, window=HISTORY)

    return write


def hours():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT hour, readings, good, usable, sum, sum_squares, minimum, maximum FROM telemetry_hour ORDER BY hour"
        )
        return {row[0]: row[1:] for row in cursor.fetchall()}


def seconds(count, start=HOUR):
    return {start + dt.timedelta(seconds=n): float(n) for n in range(count)}


def test_an_hour_is_summed_up(store):
    store(seconds(10))
    store({HOUR + dt.timedelta(seconds=20): 100.0}, quality=1)
    store({HOUR + dt.timedelta(seconds=21): math.nan, HOUR + dt.timedelta(seconds=22): 1e9})  # neither can be

    assert sum_up() == 1

    values = [*range(10), 100]
    assert hours() == {HOUR: (13, 10, 11, sum(values), sum(v * v for v in values), 0.0, 100.0)}


def test_what_comes_late_changes_its_hour_and_no_other(store):
    store(seconds(5))
    earlier = HOUR - dt.timedelta(hours=30)
    store(seconds(3, earlier))
    assert sum_up() == 2
    store({earlier + dt.timedelta(minutes=59): -7.0})

    assert sum_up() == 1

    assert hours()[earlier][:1] + hours()[earlier][5:] == (4, -7.0, 2.0)
    assert sum_up() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM telemetry_dirty_hour")
        assert cursor.fetchone() == (0,)


def test_the_view_of_the_source_documents_reads_the_sums(store, temperature):
    store(seconds(4))
    sum_up()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM mv_equipment_hourly_stats")
        assert cursor.fetchall() == [(HOUR, temperature.equipment_id, "temperature", 1.5, 0.0, 3.0, 4, 4)]
        cursor.execute("SELECT * FROM sensor_data ORDER BY time LIMIT 1")
        row = cursor.fetchone()
        expected = (HOUR, temperature.equipment_id, "temperature", 0.0, "°C", "good", "gateway-1", temperature.pk)
        assert row == expected


def test_the_newest_reading_is_the_newest_whether_summed_up_or_not(store, temperature):
    store(seconds(3))
    assert newest([temperature])[temperature.number].value == 2.0
    sum_up()
    assert newest([temperature])[temperature.number].value == 2.0
    store({HOUR + dt.timedelta(seconds=30): 9.0})
    assert newest([temperature])[temperature.number].value == 9.0
    store({HOUR + dt.timedelta(seconds=29): 8.0})  # out of order
    assert newest([temperature])[temperature.number].value == 9.0


def test_a_few_readings_are_drawn_as_they_are(store, temperature):
    store(seconds(10))
    store({HOUR + dt.timedelta(seconds=3.5): math.nan})

    drawn = curve(temperature, HOUR, HOUR + dt.timedelta(minutes=1))

    assert drawn.level == Level.RAW
    assert [point.mean for point in drawn.points] == [0, 1, 2, 3, None, 4, 5, 6, 7, 8, 9]


def test_of_many_readings_the_extremes_are_drawn(store, temperature):
    start = HOUR - dt.timedelta(hours=3)
    values = {start + dt.timedelta(seconds=n): 20 + math.sin(n / 100) for n in range(7200)}
    spike = start + dt.timedelta(seconds=4321)
    values[spike] = 99.0
    store(values)
    sum_up()

    drawn = curve(temperature, start, HOUR, points=200)

    assert drawn.level == Level.STRETCH
    assert len(drawn.points) <= 200
    assert max(point.high for point in drawn.points) == 99.0
    assert sum(point.readings for point in drawn.points) == 7200
    whole = sum(point.mean * point.readings for point in drawn.points) / 7200
    assert whole == pytest.approx(statistics.fmean(values.values()), rel=1e-12)


def test_many_readings_are_not_drawn_one_by_one_while_nobody_sums_up(store, temperature):
    start = HOUR - dt.timedelta(hours=2)
    store(seconds(3000, start))

    drawn = curve(temperature, start, HOUR, points=100)

    assert drawn.level == Level.STRETCH
    assert sum(point.readings for point in drawn.points) == 3000


def test_a_long_time_is_drawn_from_whole_hours(store, temperature, monkeypatch):
    monkeypatch.setattr("telemetry.queries.series.RAW_AT_MOST", 10)
    start = HOUR - dt.timedelta(days=30)
    store({start + dt.timedelta(minutes=10 * n): float(n % 6) for n in range(30 * 24 * 6)})
    sum_up()

    drawn = curve(temperature, start, HOUR, points=100)

    assert drawn.level == Level.HOURS
    assert len(drawn.points) <= 104
    assert {(point.low, point.high, point.mean) for point in drawn.points} == {(0.0, 5.0, 2.5)}
    assert sum(point.readings for point in drawn.points) == 30 * 24 * 6


def test_nobody_changes_or_deletes_a_reading(store, temperature):
    store(seconds(1))
    from django.db import DatabaseError, transaction

    for statement in ("UPDATE telemetry_reading SET value = 1", "DELETE FROM telemetry_reading",
                      "TRUNCATE telemetry_reading", f"TRUNCATE telemetry_reading_{HOUR:%Y%m%d}",
                      f"DELETE FROM telemetry_reading_{HOUR:%Y%m%d}"):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_days_to_come_are_made_ahead_and_old_counts_forgotten(store, source):
    store(seconds(1))
    old = Intake.objects.get()
    Intake.objects.create(source=source, minute=NOW - dt.timedelta(days=36), process=uuid4(), last_at=NOW)

    turn_days()

    assert list(Intake.objects.all()) == [old]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry_reading'::regclass")
        assert cursor.fetchone()[0] >= 9
