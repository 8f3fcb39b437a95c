import datetime as dt
from dataclasses import fields

import pytest
from django.utils import timezone, translation

from audit import records
from equipment.services.line_states import explain_interval, set_line_state
from production.kpi_formulas import KeyFigures
from production.models import KpiDay, KpiDayStop
from production.queries import kpi
from production.services.kpi import refresh_kpis
from tests import factories
from tests.production.kpi_facts import DAY, at, counted, hours, planned, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def line(plant):
    return plant.line


@pytest.fixture
def shift_day(plant, line):
    """8 h planned: 1 setup, 4 running, 2 stopped (one explained), 0.5 idle, 0.5 unknown; 400 pieces of 30 s."""
    planned(line, "08:00", "16:00")
    states(line, ("13:00", "14:00", "stopped"), reason=plant.stop_reason)
    states(
        line,
        ("08:00", "09:00", "setup"),
        ("09:00", "13:00", "running"),
        ("14:00", "15:00", "stopped"),
        ("15:00", "15:30", "idle"),
    )
    counted(plant, (at("12:00"), 380, 20), run_time="30")
    refresh_kpis()


def test_the_losses_lead_from_planned_to_effective_time(plant, line, shift_day):
    waterfall = kpi.losses(DAY, DAY, [line.pk])

    assert [(loss.kind, loss.label, loss.seconds) for loss in waterfall.losses] == [
        ("no_data", "No data", hours(0.5)),
        ("setup", "Setup", hours(1)),
        ("stop", plant.stop_reason.name, hours(1)),
        ("stop", "Not explained", hours(1)),
        ("idle", "Idle", hours(0.5)),
        ("speed", "Speed", hours(4) - 12000),
        ("quality", "Scrap and rework", pytest.approx(600)),
    ]
    assert waterfall.planned_s == hours(8)
    assert waterfall.effective_s == pytest.approx(waterfall.planned_s - sum(loss.seconds for loss in waterfall.losses))
    assert waterfall.figures.oee == pytest.approx(100 * waterfall.effective_s / waterfall.figures.planned_busy_s)


def test_without_counts_the_waterfall_ends_at_the_running_time(line):
    planned(line, "08:00", "16:00")
    states(line, ("08:00", "12:00", "running"), ("12:00", "16:00", "stopped"))
    refresh_kpis()

    waterfall = kpi.losses(DAY, DAY)

    assert waterfall.effective_s is None
    assert waterfall.planned_s - sum(loss.seconds for loss in waterfall.losses) == hours(4)


def test_a_line_without_a_calendar_stays_out_of_the_waterfall_of_those_with_one(line, shift_day):
    states(factories.line(), ("08:00", "12:00", "running"), ("12:00", "16:00", "stopped"))
    refresh_kpis()

    both, alone = kpi.losses(DAY, DAY), kpi.losses(DAY, DAY, [line.pk])

    assert both.losses == alone.losses
    assert both.planned_s == alone.planned_s


def test_stop_reasons_are_a_pareto_with_the_unexplained_on_its_own_row(plant, line):
    other = factories.reason("stop")
    states(line, ("08:00", "08:10", "stopped"), ("09:00", "09:10", "stopped"), reason=plant.stop_reason)
    states(line, ("10:00", "11:00", "stopped"), reason=other)
    states(line, ("12:00", "12:30", "stopped"))
    states(line, ("13:00", "15:00", "stopped"), reason=factories.reason("stop", is_planned=True))
    refresh_kpis()

    found = kpi.stop_reasons(DAY, DAY)

    assert [(stop.reason, stop.stops, stop.seconds) for stop in found] == [
        (other, 1, hours(1)),
        (None, 1, hours(0.5)),
        (plant.stop_reason, 2, 1200),
    ]
    with translation.override("ja"):
        assert found[0].label == other.name_ja


def test_a_stop_over_midnight_is_one_stop_with_time_on_both_days(line):
    states(line, ("23:00", "26:00", "stopped"))
    refresh_kpis()

    rows = KpiDayStop.objects.order_by("report_date").values_list("report_date", "stops", "seconds")
    assert list(rows) == [(DAY, 1, hours(1)), (DAY + dt.timedelta(days=1), 0, hours(2))]


def test_an_explanation_moves_the_stop_to_its_reason(plant, line):
    states(line, ("08:00", "09:00", "stopped"))
    refresh_kpis()
    assert kpi.stop_reasons(DAY, DAY)[0].reason is None

    explain_interval(interval_id=line.state_intervals.get().pk, reason_id=plant.stop_reason.pk)
    refresh_kpis()

    assert [stop.reason for stop in kpi.stop_reasons(DAY, DAY)] == [plant.stop_reason]


def test_stops_add_up_to_the_stopped_time_of_every_day(plant, line):
    planned(line, "08:00", "16:00")
    states(line, ("07:00", "09:00", "stopped"), ("15:00", "17:00", "stopped"))
    refresh_kpis()

    assert KpiDay.objects.get(report_date=DAY, line=line).stopped_s == hours(2)
    assert sum(stop.seconds for stop in kpi.stop_reasons(DAY, DAY)) == hours(2)


def test_today_is_true_to_the_second_and_needs_no_refresh(plant, line, now):
    set_line_state(line_id=line.pk, state="running", at=now - dt.timedelta(minutes=10))
    quiet = factories.line()

    today = kpi.today_by_line(timezone.now())

    assert 0 < today[line.pk].running_s <= 601
    assert today[quiet.pk] == KeyFigures(running_s=0.0)
    assert today[quiet.pk].oee is None


def test_today_is_one_query_for_any_number_of_lines(plant, django_assert_num_queries, now):
    for _ in range(3):
        factories.line()

    with django_assert_num_queries(1):
        assert len(kpi.today_by_line(now)) == 4


def test_today_leaves_out_inactive_lines(plant, now):
    records.update(plant.line, is_active=False, reason="Taken out of use")

    assert kpi.today_by_line(now) == {}


def test_a_period_is_the_ratio_of_sums(plant, line):
    second = DAY + dt.timedelta(days=1)
    planned(line, "08:00", "09:00")
    states(line, ("08:00", "09:00", "running"))
    planned(line, "08:00", "16:00", day=second)
    states(line, ("08:00", "10:00", "running"), ("10:00", "16:00", "idle"), day=second)
    refresh_kpis()

    assert kpi.period(DAY, second).availability == pytest.approx(100 * 3 / 9)
    assert [row.availability for row in kpi.daily(DAY, second)] == [25, 100]
    assert kpi.period(second, DAY) == KeyFigures()


def test_daily_is_newest_first_then_by_line_and_only_what_was_asked(plant, line):
    other = factories.line("A-FIRST")
    for each in (line, other):
        states(each, ("08:00", "33:00", "running"))
    refresh_kpis()

    rows = kpi.daily(DAY, DAY + dt.timedelta(days=1))
    mine = kpi.daily(DAY, DAY, [line.pk])

    assert [(row.report_date, row.line_name) for row in rows] == [
        (DAY + dt.timedelta(days=1), other.line_name),
        (DAY + dt.timedelta(days=1), line.line_name),
        (DAY, other.line_name),
        (DAY, line.line_name),
    ]
    assert [row.production_line_id for row in mine] == [line.pk]


def test_lines_can_be_chosen(plant, line):
    other = factories.line()
    states(line, ("08:00", "09:00", "running"))
    states(other, ("08:00", "10:00", "running"))
    refresh_kpis()

    assert set(kpi.period_by_line(DAY, DAY)) >= {line.pk, other.pk}
    assert kpi.period(DAY, DAY, [other.pk]).running_s == hours(2)
    assert kpi.period(DAY, DAY, []) == KeyFigures()


def test_every_sum_is_a_column_of_the_base():
    assert {field.name for field in fields(KeyFigures)} <= {field.name for field in KpiDay._meta.fields}
