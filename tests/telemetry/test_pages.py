"""What people see of telemetry, and saying what a name stands for."""

import datetime as dt

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from telemetry.models import HeldBackSeries, Series
from telemetry.points import Sent
from telemetry.queries.series import curve
from telemetry.services.ingest import take
from telemetry.services.rollup import sum_up

NOW = timezone.now().replace(microsecond=0)


@pytest.fixture
def send(source):
    def write(name, values, quality=0):
        times = [int((NOW - dt.timedelta(seconds=ago)).timestamp() * 1_000_000) for ago in values]
        sent = Sent([name] * len(values), times, list(values.values()), [quality] * len(values))
        return take(lambda known: known.sources.get(source.pk), sent)

    return write


def test_the_list_shows_the_newest_value_and_who_is_silent(signed_in, send, temperature, machine, source):
    from audit import records

    records.update(temperature, expected_interval=10, reason="As the gateway promises")
    send(temperature.source_key, {100: 21.25, 200: 20.0})

    page = signed_in("operator").get(reverse("telemetry:series-list")).content.decode()

    assert "21.25" in page
    assert "No data" in page


def test_the_list_asks_as_much_for_one_series_as_for_many(
    signed_in, temperature, machine, source, django_assert_max_num_queries
):
    from telemetry.services.sources import create_series

    client = signed_in("operator")
    for n in range(20):
        create_series(equipment_id=machine.pk, source_id=source.pk, source_key=f"k{n}", sensor_type="t", name=f"N{n}")
    with django_assert_max_num_queries(12):
        assert client.get(reverse("telemetry:series-list")).status_code == 200


@pytest.mark.parametrize("span", ["1h", "8h", "24h", "7d", "30d", "1y", "nonsense"])
def test_a_series_is_drawn_with_its_figures(signed_in, send, temperature, span):
    send(temperature.source_key, {10: 21.25, 20: 700.0})

    page = signed_in("operator").get(reverse("telemetry:series-detail", args=[temperature.pk]), {"span": span})

    assert page.status_code == 200
    assert "temp,m=M1 value" in page.content.decode()
    assert page.context["facts"][:2] == [("Readings", "2"), ("Not good", "1")]


def test_a_name_that_is_said_to_be_a_series_takes_in_what_was_held_back(signed_in, send, machine):
    assert send("M7.speed", {30: 1.0, 20: 2.0, 10: 3.0}).held_back == 3
    held = HeldBackSeries.objects.get()
    client = signed_in("maintenance")
    listed = client.get(reverse("telemetry:held-back")).content.decode()
    assert "M7.speed" in listed
    assert "Take in" in client.get(reverse("telemetry:map", args=[held.pk])).content.decode()

    answer = client.post(
        reverse("telemetry:map", args=[held.pk]),
        {"equipment": machine.pk, "sensor_type": "speed", "name": "Spindle", "unit": "1/s", "minimum": "2"},
    )

    assert answer.status_code == 204
    series = Series.objects.get(source_key="M7.speed")
    drawn = curve(series, NOW - dt.timedelta(minutes=5), NOW)
    assert [point.mean for point in drawn.points] == [None, 2.0, 3.0]  # 1 is below what it can be
    assert not HeldBackSeries.objects.exists()


def test_a_wrong_answer_keeps_what_was_held_back(signed_in, send, temperature, machine):
    send("M7.speed", {30: 1.0})
    held = HeldBackSeries.objects.get()

    answer = signed_in("planner").post(
        reverse("telemetry:map", args=[held.pk]),
        {"equipment": machine.pk, "sensor_type": "s", "name": "S", "minimum": "2", "maximum": "1"},
    )

    assert answer.status_code == 422
    assert "lies below the highest" in answer.content.decode()
    assert HeldBackSeries.objects.get().kept == 1
    assert Series.objects.count() == 1


def test_an_operator_maps_nothing(signed_in, send, machine):
    send("M7.speed", {30: 1.0})

    answer = signed_in("operator").post(reverse("telemetry:map", args=[HeldBackSeries.objects.get().pk]))

    assert answer.status_code == 403


def test_the_api_gives_series_their_newest_reading_and_their_curve(client, user_of, send, temperature):
    send(temperature.source_key, {10: 21.25, 20: 700.0})
    client.force_login(user_of("integration"))

    listed = client.get("/api/v1/series/", {"sensor_type": "temperature"}).json()["results"]
    assert [row["source_key"] for row in listed] == [temperature.source_key]
    (latest,) = client.get("/api/v1/series/newest/").json()["results"]
    assert (latest["series_id"], latest["value"], latest["quality"]) == (str(temperature.pk), 21.25, "good")
    asked = {"start": (NOW - dt.timedelta(hours=1)).isoformat(), "end": NOW.isoformat()}
    drawn = client.get(f"/api/v1/series/{temperature.pk}/curve/", asked).json()
    assert (drawn["resolution"], [point["mean"] for point in drawn["points"]]) == ("raw", [None, 21.25])
    refused = client.get(f"/api/v1/series/{temperature.pk}/curve/", {"start": asked["end"], "end": asked["start"]})
    assert refused.status_code == 400


def test_a_curve_of_hours_says_when_the_sums_are_behind(signed_in, send, temperature, monkeypatch):
    monkeypatch.setattr("telemetry.queries.series.RAW_AT_MOST", 0)
    send(temperature.source_key, dict.fromkeys(range(5, 60), 20.0))
    sum_up()
    client, page = signed_in("operator"), reverse("telemetry:series-detail", args=[temperature.pk])
    assert "summed up last" not in client.get(page, {"span": "30d"}).content.decode()

    with connection.cursor() as cursor:
        cursor.execute("UPDATE telemetry_summed_up SET at = now() - interval '10 minutes'")

    assert "summed up last" in client.get(page, {"span": "30d"}).content.decode()
    assert "summed up last" not in client.get(page, {"span": "1h"}).content.decode()
