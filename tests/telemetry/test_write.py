"""Readings over HTTP: what is acknowledged stands in the database, and what does not fit waits for a person."""

import datetime as dt
import gzip
import json
import math
import time

import pytest
from django.db import connection
from django.utils import timezone

from audit import records
from telemetry.models import HeldBackReading, HeldBackSeries, Intake
from telemetry.services.ingest import PROCESS
from telemetry.views import write

LINES, JSON = "/api/v2/write", "/api/v1/readings/"
NOW = timezone.now().replace(minute=0, second=0, microsecond=0)


def ns(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * 10**9


def readings(series=None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT time, value, quality FROM telemetry_reading ORDER BY series, time")
        return cursor.fetchall()


@pytest.fixture
def send(client, key):
    def post(address, body, **headers):
        return client.post(
            address,
            body,
            content_type="application/json" if address == JSON else "text/plain",
            headers={"authorization": f"Token {key}"} | headers,
        )

    return post


def test_lines_of_influx_are_readings(send, temperature):
    answer = send(LINES, f"temp,m=M1 value=21.5 {ns(NOW)}\ntemp,m=M1 value=22i {ns(NOW) + 1500}\n".encode())

    assert (answer.status_code, answer.content) == (204, b"")
    assert readings() == [(NOW, 21.5, 0), (NOW + dt.timedelta(microseconds=1), 22.0, 0)]


def test_json_rows_and_columns_are_readings(send, temperature):
    ms = int(NOW.timestamp()) * 1000
    body = {
        "readings": [{"series": "temp,m=M1 value", "time": NOW.isoformat(), "value": 20.0, "quality": "uncertain"}],
        "columns": [{"series": "temp,m=M1 value", "time": [ms + 1, ms + 2], "value": [21, None]}],
    }
    answer = send(JSON, json.dumps(body))

    assert answer.json() == {"stored": 3, "duplicates": 0, "held_back": 0, "refused": 0, "late": 0, "not_good": 2}
    found = readings()
    assert [(value, quality) for _at, value, quality in found[:2]] == [(20.0, 1), (21.0, 0)]
    assert math.isnan(found[2][1])
    assert found[2][2] == 2


@pytest.mark.parametrize(
    ("value", "quality"), [("21", 0), ("500", 0), ("500.1", 2), ("-50.1", 2), ("nan", 2), ("-inf", 2)]
)
def test_what_the_series_cannot_be_is_kept_and_bad(send, temperature, value, quality):
    assert send(LINES, f"temp,m=M1 value={value} {ns(NOW)}").status_code == 204

    assert [row[2] for row in readings()] == [quality]


def test_the_first_reading_of_a_moment_wins_and_the_others_are_counted(send, temperature):
    first = f"temp,m=M1 value=1 {ns(NOW)}"
    send(LINES, first)

    send(LINES, f"temp,m=M1 value=2 {ns(NOW)}\ntemp,m=M1 value=3 {ns(NOW) + 1000}\ntemp,m=M1 value=4 {ns(NOW) + 1000}")

    assert [row[1] for row in readings()] == [1.0, 3.0]
    intake = Intake.objects.get(process=PROCESS)
    assert (intake.stored, intake.duplicates) == (2, 2)


def test_late_readings_are_counted_and_their_hours_summed_up_anew(send, temperature):
    hour_ago = NOW - dt.timedelta(hours=1)
    send(LINES, f"temp,m=M1 value=1 {ns(hour_ago)}\ntemp,m=M1 value=2 {ns(hour_ago) + 10**9}")

    assert Intake.objects.get(process=PROCESS).late == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT series, hour FROM telemetry_dirty_hour")
        assert cursor.fetchall() == [(temperature.number, hour_ago)]


@pytest.mark.parametrize(
    ("line", "reason", "name"),
    [
        ("temp,m=M2 value=1 {now}", "unknown", "temp,m=M2 value"),
        ("temp,m=M1 value=1 0", "clock", "temp,m=M1 value"),
        ("temp,m=M1 value=1 4070908800000000000", "clock", "temp,m=M1 value"),
        ("temp,m=M1 value=1 -9223372036854775807", "clock", "temp,m=M1 value"),
        ('temp,m=M1 value="hot" {now}', "text", "temp,m=M1 value"),
        ("temp,m=M1 value=12,5 {now}", "malformed", "temp,m=M1 value=12,5 {now}"),
        ("temp,m=M1 value={now}", "unknown", None),
        ("temp,m=M1 value=1 123456789012345678901234567890", "malformed", None),
        ("no sense at all", "malformed", "no sense at all"),
        ("x" * 1_000_000 + " value=1 {now}", "malformed", None),
        ("nul\0,m=M1 value=1 {now}", "unknown", "nul\ufffd,m=M1 value"),
    ],
    ids=range(11),
)
def test_what_does_not_fit_waits_for_a_person(send, temperature, line, reason, name):
    line = line.replace("{now}", str(ns(NOW)))
    if line == f"temp,m=M1 value={ns(NOW)}":  # a line without a time happened now
        assert send(LINES, line).status_code == 204
        assert [row[1] for row in readings()] == [float(ns(NOW))]
        return
    answer = send(LINES, f"{line}\ntemp,m=M1 value=7 {ns(NOW)}")

    assert answer.status_code == 204
    assert [row[1] for row in readings()] == [7.0]
    held = HeldBackSeries.objects.get()
    assert (held.reason, held.readings, held.kept) == (reason, 1, 1)
    if name:
        assert held.source_key == name.replace("{now}", str(ns(NOW)))
    assert HeldBackReading.objects.count() == 1


def test_names_without_end_are_refused_beyond_a_limit_and_said(send, temperature, monkeypatch):
    monkeypatch.setattr("telemetry.services.held_back.NAMES_A_SOURCE", 3)
    send(LINES, "\n".join(f"t,n={n} v=1 {ns(NOW)}" for n in range(2)))

    answer = send(LINES, "\n".join(f"t,n={n} v=1 {ns(NOW)}" for n in range(2, 5)))
    more = send(LINES, f"t,n=1 v=1 {ns(NOW)}\nt,n=99 v=1 {ns(NOW)}")

    assert (answer.status_code, more.status_code) == (400, 400)
    assert "dropped=2;" in answer.json()["message"]
    assert "dropped=1;" in more.json()["message"]
    intake = Intake.objects.get(process=PROCESS)
    assert (intake.held_back, intake.refused, HeldBackReading.objects.count()) == (4, 3, 4)


def test_a_body_that_ends_early_stores_nothing(send, temperature):
    body = gzip.compress(f"temp,m=M1 value=1 {ns(NOW)}".encode())

    whole = send(LINES, body, **{"content-encoding": "gzip"})
    half = send(LINES, body[:-9], **{"content-encoding": "gzip"})
    junk = send(LINES, b"not gzip", **{"content-encoding": "gzip"})

    assert [answer.status_code for answer in (whole, half, junk)] == [204, 400, 400]
    assert len(readings()) == 1


def test_a_bomb_is_not_unpacked(send, temperature, monkeypatch):
    monkeypatch.setattr(write, "MAX_BYTES", 10_000)

    assert send(LINES, gzip.compress(b" " * 10_000_000), **{"content-encoding": "gzip"}).status_code == 413
    assert send(LINES, b" " * 10_001).status_code == 413


@pytest.mark.parametrize(
    "body",
    ["", "[", "[]", '{"readings": [{}]}', '{"readings": [{"series": "a", "time": "2026-01-01T00:00:00", "value": 1}]}',
     '{"readings": [{"series": "a", "time": 1, "value": "x"}]}',
     '{"columns": [{"series": "a", "time": [1], "value": []}]}',
     '{"readings": [{"series": "a", "time": 1e300, "value": 1}]}', "\xff"],
    ids=range(9),
)  # fmt: skip
def test_json_that_cannot_be_read_says_where_and_stores_nothing(send, temperature, body):
    answer = send(JSON, body)

    assert answer.status_code == 400
    assert answer.json()["message"]
    assert readings() == []


@pytest.mark.parametrize("shown", [None, "Token wrong", "Basic abc", "Token "])
def test_without_a_key_nothing_is_taken(client, temperature, shown):
    headers = {"authorization": shown} if shown else {}
    answer = client.post(LINES, f"temp,m=M1 value=1 {ns(NOW)}", content_type="text/plain", headers=headers)

    assert answer.status_code == 401
    assert readings() == []


def test_a_key_taken_back_opens_nothing_from_that_moment_on(send, source, temperature):
    assert send(LINES, f"temp,m=M1 value=1 {ns(NOW)}").status_code == 204
    records.update(source.keys.get(), is_active=False, reason="The gateway was stolen")

    assert send(LINES, f"temp,m=M1 value=2 {ns(NOW) + 1000}").status_code == 401


def test_a_series_made_now_takes_the_next_reading(send, temperature, source, machine):
    from telemetry.services.sources import create_series

    send(LINES, f"temp,m=M9 value=1 {ns(NOW)}")
    create_series(equipment_id=machine.pk, source_id=source.pk, source_key="temp,m=M9 value", sensor_type="temperature",
                  name="Second")  # fmt: skip

    assert send(LINES, f"temp,m=M9 value=2 {ns(NOW) + 1000}").status_code == 204
    assert [row[1] for row in readings()] == [2.0]


def test_who_sends_too_much_is_told_when_to_come_again(send, source, temperature):
    records.update(source, points_per_second=1, reason="A slow device")
    body = "\n".join(f"temp,m=M1 value=1 {ns(NOW) + n * 1000}" for n in range(10))
    assert send(LINES, body).status_code == 204  # what it may send at once is overdrawn

    answer = send(LINES, f"temp,m=M1 value=1 {ns(NOW) + 10**9}")

    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 9
    assert len(readings()) == 10


def test_storing_costs_the_same_whatever_is_sent(send, temperature, django_assert_num_queries):
    send(LINES, f"temp,m=M1 value=1 {ns(NOW)}")
    body = "\n".join(f"temp,m=M1 value=1 {time.time_ns() + n * 1000}" for n in range(1, 500))
    with django_assert_num_queries(4) as asked:
        assert send(LINES, body).status_code == 204
    assert [query["sql"].split()[0] for query in asked] == ["SAVEPOINT", "COPY", "INSERT", "RELEASE"]


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        (JSON, r'{"readings": [{"series": "\ud800x", "time": 1, "value": 1}]}', {200, 400}),
        (JSON, '{"readings": [{"series": "a", "time": "0001-01-01T00:00:00+14:00", "value": 1}]}', {200}),
        (JSON, '{"readings": [{"series": "a", "time": "9999-12-31T23:59:59-14:00", "value": 1}]}', {200}),
        (JSON, '{"readings": [{"series": "temp,m=M1 value", "time": 9007199254740991, "value": 1}]}', {200}),
        (LINES, b"a b=1\xff\xfe 1\nx y=1e999\n", {204}),
        (LINES + "?precision=s", b"a b=1 9223372036854775807", {204}),
        (LINES + "?precision=h", b"a b=1", {400}),
        (LINES, b"", {204}),
        (LINES, b",= =,\n = \n#\n\\\n\"", {204}),
    ],
    ids=range(9),
)  # fmt: skip
def test_nonsense_is_kept_or_refused_and_breaks_nothing(send, temperature, address, body, status):
    assert send(address, body).status_code in status
    assert send(LINES, f"temp,m=M1 value=1 {ns(NOW)}").status_code == 204  # the next one is taken as ever
