"""The SQL that adds up states and counts: calendar, planned stops, day boundaries, summer time, missing data."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import records
from equipment.models import LineStateInterval
from equipment.queries.site import production_day, production_day_bounds
from equipment.services.line_states import record_past_states, set_line_state
from production.kpi_formulas import KeyFigures
from production.models import KpiDaily
from production.queries import kpi
from production.services.kpi import refresh_kpis
from tests import factories
from tests.production.kpi_facts import DAY, at, counted, day_sums, hours, planned, states, time_sums

pytestmark = pytest.mark.django_db
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def line(plant):
    return plant.line


def days_of(line):
    """The view's rows of DAY and the day after."""
    return list(reversed(kpi.daily(DAY, DAY + dt.timedelta(days=1), [line.pk])))


def set_site(plant, **values):
    records.update(plant.site, **values, reason="The plant moved")


def test_no_state_at_all_is_no_data_and_not_zero(line):
    planned(line, "08:00", "16:00")

    sums = day_sums(line)

    assert sums["planned_busy_s"] is None
    assert sums["no_data_s"] == hours(8)
    assert sums["idle_s"] == 0


def test_no_calendar_has_no_planned_time(line):
    states(line, ("08:00", "10:00", "running"), ("10:00", "11:00", "stopped"))

    sums = day_sums(line)

    assert (sums["planned_busy_s"], sums["no_data_s"]) == (None, None)
    assert (sums["running_s"], sums["stopped_s"]) == (hours(2), hours(1))


def test_planned_time_is_running_setup_stops_and_idle(line):
    planned(line, "08:00", "16:00")
    states(
        line,
        ("08:00", "09:00", "setup"),
        ("09:00", "13:00", "running"),
        ("13:00", "14:00", "stopped"),
        ("14:00", "16:00", "idle"),
    )

    assert day_sums(line) == {
        "planned_busy_s": hours(8),
        "running_s": hours(4),
        "setup_s": hours(1),
        "stopped_s": hours(1),
        "idle_s": hours(2),
        "maintenance_s": 0,
        "no_data_s": 0,
    }


def test_a_planned_stop_and_maintenance_reduce_the_planned_time(line):
    planned(line, "08:00", "16:00")
    states(line, ("12:00", "13:00", "stopped"), reason=factories.reason("stop", is_planned=True))
    states(line, ("08:00", "12:00", "running"), ("13:00", "14:00", "maintenance"), ("14:00", "16:00", "running"))

    sums = day_sums(line)

    assert sums["planned_busy_s"] == sums["running_s"] == hours(6)
    assert (sums["maintenance_s"], sums["stopped_s"]) == (hours(2), 0)


def test_time_nobody_knows_about_is_neither_planned_busy_nor_idle(line):
    planned(line, "08:00", "16:00")
    states(line, ("08:00", "10:00", "running"), ("10:00", "11:00", "no_data"))  # and nothing after

    sums = day_sums(line)

    assert (sums["planned_busy_s"], sums["no_data_s"], sums["idle_s"]) == (hours(2), hours(6), 0)


def test_overtime_counts_as_planned_and_standing_outside_the_shift_does_not(line):
    planned(line, "08:00", "16:00")
    states(line, ("08:00", "18:00", "running"), ("18:00", "19:00", "stopped"), ("19:00", "20:00", "idle"))

    sums = day_sums(line)

    assert sums["planned_busy_s"] == sums["running_s"] == hours(10)
    assert (sums["stopped_s"], sums["idle_s"]) == (0, 0)


def test_a_whole_day_of_overtime_is_planned_by_being_worked(line):
    planned(line, "08:00", "16:00", day=DAY - dt.timedelta(days=1))  # there is a calendar, but not for this day
    states(line, ("08:00", "10:00", "running"), ("10:00", "12:00", "idle"))

    sums = day_sums(line)

    assert (sums["planned_busy_s"], sums["no_data_s"]) == (hours(2), 0)


def test_a_day_before_the_first_shift_has_no_calendar(line):
    planned(line, "08:00", "16:00", day=DAY + dt.timedelta(days=1))
    states(line, ("08:00", "10:00", "running"))

    assert day_sums(line)["planned_busy_s"] is None


def test_a_cancelled_shift_is_not_planned(line):
    planned(line, "08:00", "16:00", cancelled=True)
    states(line, ("08:00", "16:00", "idle"))

    sums = day_sums(line)

    assert (sums["planned_busy_s"], sums["idle_s"], sums["no_data_s"]) == (0, 0, 0)


def test_overlapping_shifts_count_once(line):
    planned(line, "08:00", "16:00")
    planned(line, "14:00", "18:00")
    states(line, ("08:00", "18:00", "running"))

    assert day_sums(line)["planned_busy_s"] == hours(10)


def test_another_line_is_not_counted(plant, line):
    states(factories.line(), ("08:00", "16:00", "running"))

    assert day_sums(line)["running_s"] == 0


def test_an_interval_over_midnight_is_shared_by_two_days(line):
    states(line, ("22:00", "26:00", "running"))

    assert day_sums(line)["running_s"] == hours(2)
    assert day_sums(line, DAY + dt.timedelta(days=1))["running_s"] == hours(2)


def test_the_production_day_begins_at_the_sites_hour(plant, line):
    set_site(plant, production_day_start=dt.time(6))
    states(line, ("22:00", "32:00", "running"))  # a night shift and two hours of the next day

    assert day_sums(line)["running_s"] == hours(8)
    assert day_sums(line, DAY + dt.timedelta(days=1))["running_s"] == hours(2)


def test_running_for_days_fills_each_of_them(line):
    states(line, ("12:00", "84:00", "running"))

    assert [day_sums(line, DAY + dt.timedelta(days=n))["running_s"] for n in range(5)] == [
        hours(12),
        hours(24),
        hours(24),
        hours(12),
        0,
    ]


def test_an_open_interval_runs_until_now_and_not_beyond(line, now):
    start = now - dt.timedelta(hours=30)
    set_line_state(line_id=line.pk, state="running", at=start)

    today = production_day(at=now)
    known = sum(day_sums(line, today + dt.timedelta(days=n))["running_s"] for n in range(-2, 2))

    assert abs(known - hours(30)) < 60  # a transaction's now() is its beginning
    assert day_sums(line, today + dt.timedelta(days=1))["running_s"] == 0


@pytest.mark.parametrize(
    ("day", "length"), [(dt.date(2026, 3, 8), 23), (dt.date(2026, 11, 1), 25), (dt.date(2026, 6, 1), 24)]
)
def test_days_of_23_and_25_hours(plant, line, day, length):
    set_site(plant, time_zone="America/New_York")
    if day.month == 11:
        day = dt.date(2025, 11, 2)  # the last one that is in the past
    before, after = day - dt.timedelta(days=1), day + dt.timedelta(days=2)
    record_past_states(
        line_id=line.pk,
        intervals=[
            LineStateInterval(state="running", started_at=at("00:00", day=before), ended_at=at("00:00", day=after))
        ],
        source="machine",
    )

    assert day_sums(line, day)["running_s"] == hours(length)


@given(
    st.integers(1735689600, 1798761599).map(lambda second: dt.datetime.fromtimestamp(second, dt.UTC)),  # 2025, 2026
    st.sampled_from(["Asia/Tokyo", "America/New_York", "Europe/Berlin"]),
    st.sampled_from([dt.time(0), dt.time(5, 30), dt.time(6)]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_python_and_sql_agree_on_the_production_day(plant, moment, zone, start):
    set_site(plant, time_zone=zone, production_day_start=start)

    day = production_day(at=moment)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT production_day_of(%(at)s), production_day_begin(%(day)s), production_day_begin(%(day)s + 1)",
            {"at": moment, "day": day},
        )
        assert cursor.fetchone() == (day, *production_day_bounds(day=day))


def test_counts_belong_to_the_day_they_were_made_on(plant, line):
    boundary = at("24:00")
    microsecond = dt.timedelta(microseconds=1)
    counted(plant, (boundary - microsecond, 7), (boundary, 5, 2, 1), run_time="30")

    refresh_kpis()

    first, second = KpiDaily.objects.filter(production_line_id=line.pk, report_date__gte=DAY).order_by("report_date")[
        :2
    ]
    assert (first.good, first.scrap, first.rework, first.standard_s) == (7, 0, 0, 210)
    assert (second.good, second.scrap, second.rework, second.standard_s) == (5, 2, 1, 240)


def test_an_order_is_planned_on_its_day_and_done_on_the_day_it_ended(plant, line):
    counted(plant, (at("23:30"), 900), (at("25:00"), 50), scheduled_end=at("24:30"))

    refresh_kpis()

    first, second = KpiDaily.objects.filter(production_line_id=line.pk, report_date__gte=DAY).order_by("report_date")[
        :2
    ]
    assert (first.total_work_orders, first.completed_work_orders, first.on_time_delivery_rate) == (1, 0, None)
    assert (second.total_work_orders, second.completed_work_orders, second.on_time_delivery_rate) == (0, 1, 0)
    assert (second.avg_yield_percentage, second.avg_processing_hours) == (95, 1.5)
    assert (first.total_quantity_produced, second.total_quantity_produced) == (900, 50)


def test_rates_without_data_are_null(plant, line):
    planned(line, "08:00", "16:00")
    refresh_kpis()

    row = KpiDaily.objects.get(report_date=DAY, production_line_id=line.pk)

    assert row.good == 0
    for rate in ("availability", "effectiveness", "quality_rate", "avg_oee", "estimated_oee", "on_time_delivery_rate"):
        assert getattr(row, rate) is None, rate
    assert row.avg_yield_percentage is row.avg_processing_hours is None


def test_a_day_lost_whole_is_zero_and_an_uncounted_one_is_null(plant, line):
    other = factories.line()
    for each, state in ((line, "stopped"), (other, "running")):
        planned(each, "08:00", "16:00")
        states(each, ("08:00", "16:00", state))
    refresh_kpis()

    lost, uncounted = (KpiDaily.objects.get(report_date=DAY, production_line_id=each.pk) for each in (line, other))

    assert (lost.availability, lost.effectiveness, lost.avg_oee) == (0, None, 0)
    assert (uncounted.availability, uncounted.effectiveness, uncounted.avg_oee) == (100, None, None)


def test_the_nist_machine_day(line):
    """Hurco04 on 2017-02-01: active 10,472.875 s of 28,391.219 s known, a shift planned around it."""
    start = at("08:00")
    active, known = dt.timedelta(seconds=10472.875), dt.timedelta(seconds=28391.219)
    planned(line, "08:00", "16:00")
    record_past_states(
        line_id=line.pk,
        intervals=[
            LineStateInterval(state="running", started_at=start, ended_at=start + active),
            LineStateInterval(state="idle", started_at=start + active, ended_at=start + known),
        ],
        source="import",
    )

    sums = day_sums(line)

    figures = KeyFigures(**sums)
    assert (sums["running_s"], sums["planned_busy_s"]) == (10472.875, 28391.219)
    assert round(figures.availability, 3) == 36.888


SPANS = st.lists(
    st.tuples(
        st.integers(1, 240), st.sampled_from(["running", "setup", "stopped", "idle", "maintenance", "no_data", None])
    ),
    max_size=8,
)
COUNTS = st.lists(
    st.tuples(st.integers(0, 23), st.integers(0, 50), st.integers(0, 9), st.integers(0, 9)).filter(
        lambda c: any(c[1:])
    ),
    max_size=4,
)
SHIFTS = st.sampled_from([(), (("08:00", "16:00"),), (("06:00", "14:00"), ("14:00", "22:00"))])


@given(spans=SPANS, counts=COUNTS, shifts=SHIFTS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_python_and_the_view_say_the_same(plant, spans, counts, shifts):
    line, begin = factories.line(), at("00:00")
    for shift in shifts:
        planned(line, *shift)
    moment, intervals = begin + dt.timedelta(hours=6), []
    for minutes, state in spans:
        end = moment + dt.timedelta(minutes=minutes)
        if state:
            intervals.append(LineStateInterval(state=state, started_at=moment, ended_at=end))
        moment = end
    record_past_states(line_id=line.pk, intervals=intervals, source="machine")
    if counts:
        counted(plant, *[(begin + dt.timedelta(hours=h), *amounts) for h, *amounts in counts], line=line)
    refresh_kpis()

    row = KpiDaily.objects.filter(report_date=DAY, production_line_id=line.pk).first()
    figures = kpi.period(DAY, DAY, [line.pk])

    if row is None:
        assert figures == KeyFigures()
        return
    assert figures.planned_busy_s == row.planned_busy_s
    assert (figures.good, figures.scrap, figures.rework) == (row.good, row.scrap, row.rework)
    for ours, theirs in (
        ("availability", row.availability),
        ("effectiveness", row.effectiveness),
        ("quality_rate", row.quality_rate),
        ("oee", row.avg_oee),
        ("on_time_rate", row.on_time_delivery_rate),
    ):
        assert getattr(figures, ours) == (theirs if theirs is None else pytest.approx(theirs, rel=1e-12)), ours
    if figures.planned_busy_s is not None:
        parts = figures.running_s + figures.setup_s + figures.stopped_s + figures.idle_s
        assert figures.planned_busy_s == pytest.approx(parts)


def test_pieces_are_weighted_with_their_own_standard_time(plant, line):
    counted(plant, (at("09:00"), 10), run_time="30")
    counted(plant, (at("10:00"), 10), run_time="6")
    refresh_kpis()

    assert kpi.period(DAY, DAY, [line.pk]).standard_s == 360


def test_an_empty_period_is_empty(line):
    assert time_sums(line, at("08:00"), at("08:00"))["planned_busy_s"] is None
    assert kpi.period(DAY, DAY) == KeyFigures()
    assert Decimal(0) == kpi.period(DAY, DAY).produced
