"""Numbers and times as pages show them."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from mfg_project.common.formats import both_zones, duration, exact, hours, moment, number, percent


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Decimal("10.0000"), None, "10"),
        (Decimal("1234.5000"), None, "1,234.5"),
        (Decimal("0.0000001"), None, "0.0000001"),
        (1e21, None, "1,000,000,000,000,000,000,000"),
        (66.6666, 1, "66.7"),
        (2, 2, "2.00"),
        (-1234.5, 1, "-1,234.5"),
        (None, 1, "—"),
    ],
)
def test_numbers_are_grouped_and_rounded(value, places, text):
    assert number(value, places) == text


def test_exact_keeps_every_digit_of_a_measurement():
    assert (exact(Decimal("1.50")), exact(None)) == ("1.50", "—")


def test_percent_of_nothing_is_unknown():
    assert (percent(99.96), percent(None)) == ("100.0 %", "—")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 s"), (59.6, "1 min"), (3900, "1 h 05"), (90_000, "1 d 1 h"), (None, "—")],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_long_durations_stay_comparable_in_hours():
    assert hours(450_300) == "125 h 05"


def test_moments_are_in_plant_time_with_utc_on_hover():
    at = dt.datetime(2026, 1, 31, 16, 5, 9, tzinfo=dt.UTC)
    now = dt.datetime(2026, 2, 1, 3, 0, tzinfo=dt.UTC)

    with timezone.override(ZoneInfo("Asia/Tokyo")):
        same_day = moment(at, now=now)
        earlier = moment(at - dt.timedelta(days=3), now=now)
        last_year = moment(at - dt.timedelta(days=365), now=now)

    assert (same_day.text, same_day.iso) == ("01:05", "2026-01-31T16:05:09+00:00")
    assert same_day.full == "2026-02-01 01:05:09 JST · 2026-01-31 16:05:09 UTC"
    assert earlier.text == "Jan 29 01:05"
    assert last_year.text == "2025-02-01 01:05"


def test_utc_plant_says_utc_once():
    with timezone.override(dt.UTC):
        assert both_zones(dt.datetime(2026, 1, 31, 16, 5, 9, tzinfo=dt.UTC)) == "2026-01-31 16:05:09 UTC"
