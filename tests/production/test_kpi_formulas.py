"""The ratios against a worked example of ISO 22400-2, in exact fractions."""

import json
from fractions import Fraction

import pytest

from production.kpi_formulas import KeyFigures, ratio, total
from tests.shared import shared


@pytest.fixture
def example():
    return json.loads(shared("oracles", "iso22400_worked_example.json").read_text(encoding="utf-8"))


@pytest.fixture
def figures(example):
    times = {name: Fraction(value) * 60 for name, value in example["times_min"].items()}
    pieces = {name: Fraction(value) for name, value in example["quantities"].items()}
    return KeyFigures(
        planned_busy_s=times["PBT"],
        running_s=times["APT"],
        setup_s=times["AUST"],
        stopped_s=times["ADET"],
        idle_s=times["ADOT"],
        maintenance_s=times["planned_down"],
        standard_s=times["PRI"] * pieces["PQ"],
        good=pieces["GQ"],
        scrap=pieces["SQ"],
        rework=pieces["RQ"],
    )


@pytest.mark.parametrize(
    ("rate", "published"),
    [
        ("availability", "availability"),
        ("effectiveness", "effectiveness"),
        ("quality_rate", "quality_ratio"),
        ("oee", "oee"),
        ("nee", "nee"),
        ("technical_efficiency", "technical_efficiency"),
        ("setup_ratio", "setup_ratio"),
        ("scrap_ratio", "scrap_ratio"),
        ("rework_ratio", "rework_ratio"),
    ],
)
def test_the_worked_example_to_the_exact_fraction(figures, example, rate, published):
    assert getattr(figures, rate) == 100 * Fraction(example["expected_exact"][published])


def test_the_times_of_the_example_add_up(figures):
    assert figures.planned_busy_s == figures.running_s + figures.setup_s + figures.stopped_s + figures.idle_s
    assert figures.produced == 540


def test_oee_is_good_pieces_at_standard_speed_in_planned_time(figures):
    assert figures.oee == 100 * (figures.standard_s * figures.good / figures.produced) / figures.planned_busy_s


RATES = (
    "availability",
    "effectiveness",
    "quality_rate",
    "oee",
    "nee",
    "technical_efficiency",
    "setup_ratio",
    "scrap_ratio",
    "rework_ratio",
    "on_time_rate",
)


@pytest.mark.parametrize("rate", RATES)
def test_without_data_nothing_is_known(rate):
    assert getattr(KeyFigures(), rate) is None


def test_planned_time_lost_whole_is_zero():
    lost = KeyFigures(planned_busy_s=3600, stopped_s=3600)

    assert (lost.availability, lost.effectiveness, lost.quality_rate, lost.oee) == (0, None, None, 0)


def test_running_without_counts_is_not_known():
    uncounted = KeyFigures(planned_busy_s=3600, running_s=1800)

    assert (uncounted.availability, uncounted.effectiveness, uncounted.oee) == (50, None, None)


def test_faster_than_standard_is_not_capped():
    assert KeyFigures(running_s=100, standard_s=120, good=4).effectiveness == 120


def test_sums_come_before_ratios():
    short = KeyFigures(planned_busy_s=100, running_s=100, standard_s=100, good=10)
    long = KeyFigures(planned_busy_s=900, running_s=450, standard_s=450, good=30, scrap=10)

    both = short + long

    assert both.availability == 55  # the mean of 100 and 50 would be 75
    assert both.quality_rate == 80
    assert total([]) == KeyFigures()


def test_times_without_a_plan_do_not_falsify_those_with_one():
    planned = KeyFigures(planned_busy_s=100, running_s=60, standard_s=50, good=5)
    unplanned = KeyFigures(running_s=1000, standard_s=1000, good=100, no_data_s=7)

    for both in (planned + unplanned, unplanned + planned):
        assert (both.availability, both.running_s, both.standard_s) == (60, 60, 50)
        assert (both.good, both.no_data_s) == (105, 7)
    assert (unplanned + unplanned).running_s == 2000


def test_the_nist_machine_day():
    """Hurco04 on 2017-02-01: 10,472.875 s active of 28,391.219 s."""
    assert round(ratio(Fraction("10472.875"), Fraction("28391.219")), 3) == Fraction("36.888")
