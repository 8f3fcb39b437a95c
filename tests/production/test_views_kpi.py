"""The KPI page: figures that explain themselves, losses, charts with their tables, and honest gaps."""

import datetime as dt

import pytest
from django.utils import timezone

from production.models import KpiRefresh
from production.queries.kpi import Loss, Waterfall
from production.services.kpi import refresh_kpis
from production.views.kpi_words import KeyFigures, tiles, waterfall_bars
from tests import factories
from tests.production.kpi_facts import DAY, at, counted, planned, states

pytestmark = pytest.mark.django_db

ONE_DAY = f"/kpi/?start={DAY}&end={DAY}"


@pytest.fixture
def shift_day(plant):
    """8 h planned: 4 running, 2 stopped without a reason, 2 idle; 400 pieces of 30 s, 20 of them scrap."""
    planned(plant.line, "08:00", "16:00")
    states(plant.line, ("08:00", "12:00", "running"), ("12:00", "14:00", "stopped"), ("14:00", "16:00", "idle"))
    counted(plant, (at("11:00"), 380, 20), run_time="30")
    refresh_kpis()


def tile(page, name):
    return next(t for t in [*page.context["tiles"], page.context["on_time"]] if t.name == name)


def test_each_figure_shows_its_formula_with_the_values(shift_day, signed_in):
    page = signed_in("supervisor").get(ONE_DAY)

    text = page.content.decode()
    assert tile(page, "availability").value == "50.0 %"
    assert "4 h 00 / 8 h 00" in text
    assert tile(page, "performance").value == "83.3 %"
    assert "3 h 20 / 4 h 00" in text
    assert tile(page, "quality").value == "95.0 %"
    assert "380 / 400" in text
    assert tile(page, "oee").value == "39.6 %"
    assert "50.0 % × 83.3 % × 95.0 % = 39.6 %" in text
    assert tile(page, "on_time").value == "100.0 %"


def test_losses_are_bars_from_the_plan_to_what_is_left(shift_day, signed_in):
    bars = signed_in("supervisor").get(ONE_DAY).context["bars"]

    assert [(bar.label, bar.time) for bar in bars] == [
        ("Planned time", "8 h 00"),
        ("Not explained", "2 h 00"),
        ("Idle", "2 h 00"),
        ("Speed", "0 h 40"),
        ("Scrap and rework", "0 h 10"),
        ("Good pieces at standard speed", "3 h 10"),
    ]
    assert (bars[1].x, bars[1].width, bars[1].is_worst) == (750.0, 250.0, True)
    assert bars[-2].x == pytest.approx(bars[-1].width, abs=0.2)  # the last loss ends where the rest begins


def test_no_data_is_a_word_with_its_reason_and_never_zero(plant, signed_in):
    refresh_kpis()

    page = signed_in("supervisor").get("/kpi/?period=7")

    assert {t.value for t in page.context["tiles"]} == {""}
    assert tile(page, "availability").why_unknown == "No shift is planned, or no state is known."
    assert tile(page, "quality").why_unknown == "No piece was counted."
    assert "0.0 %" not in page.content.decode()
    assert page.context["bars"] == []


def test_faster_than_standard_is_shown_and_points_at_the_routing():
    figures = KeyFigures(planned_busy_s=3600, running_s=1800, standard_s=3600, good=100)
    (_oee, _availability, performance, _quality) = tiles(figures, KeyFigures())

    assert performance.value == "200.0 %"
    assert "routing" in performance.hint


def test_a_gain_in_speed_goes_back_to_the_right():
    waterfall = Waterfall(1000.0, [Loss("idle", "Idle", 500.0), Loss("speed", "Speed", -100.0)], 600.0, KeyFigures())

    _plan, idle, speed, left = waterfall_bars(waterfall)

    assert (idle.x, idle.width) == (500.0, 500.0)
    assert (speed.x, speed.width) == (500.0, 100.0)
    assert left.width == 600.0


def test_days_without_data_stay_gaps_in_the_chart(plant, shift_day, signed_in):
    planned(plant.line, "08:00", "16:00", day=DAY + dt.timedelta(days=1))
    states(plant.line, ("08:00", "16:00", "running"), day=DAY + dt.timedelta(days=1))
    refresh_kpis()

    page = signed_in("supervisor").get(f"/kpi/?start={DAY}&end={DAY + dt.timedelta(days=1)}")

    assert page.context["trend"]["series"][0]["values"] == [pytest.approx(39.58, abs=0.01), None]
    assert len(page.context["rows"]) == 2
    assert page.context["rows"][0]["oee"] == "—"


def test_few_lines_are_drawn_apart_and_together(plant, shift_day, signed_in):
    other = factories.line()
    planned(other, "08:00", "16:00")
    states(other, ("08:00", "16:00", "stopped"))
    refresh_kpis()
    client = signed_in("supervisor")

    every = client.get(ONE_DAY)
    one = client.get(f"{ONE_DAY}&line={other.pk}")

    assert [s["name"] for s in every.context["trend"]["series"]] == ["All lines", plant.line.line_name, other.line_name]
    assert [s["name"] for s in one.context["trend"]["series"]] == [other.line_name]
    assert tile(one, "oee").value == "0.0 %"  # planned, known, and lost whole: that is a true zero


def test_page_says_when_the_figures_are_old(plant, signed_in):
    client = signed_in("supervisor")
    never = client.get("/kpi/").content.decode()
    refresh_kpis()
    fresh = client.get("/kpi/").content.decode()
    KpiRefresh.objects.update(refreshed_at=timezone.now() - dt.timedelta(minutes=10))
    old = client.get("/kpi/").content.decode()

    assert "never computed" in never
    assert "Refreshed" in fresh
    assert "figures are old" not in fresh
    assert "figures are old" in old


@pytest.mark.parametrize(
    ("query", "name", "days"),
    [
        ("", "7", 7),
        ("period=today", "today", 1),
        ("period=90", "90", 90),
        ("period=nonsense", "7", 7),
        ("start=2026-01-01&end=2026-01-10", "custom", 10),
        ("start=2026-01-10&end=2026-01-01", "7", 7),
        ("start=1900-01-01&end=2026-01-01", "7", 7),
        ("start=yesterday&end=%00", "7", 7),
        ("period=30&line=not-a-uuid", "30", 30),
    ],
)
def test_period_lives_in_the_address(plant, signed_in, query, name, days):
    period = signed_in("supervisor").get(f"/kpi/?{query}").context["period"]

    assert (period.name, (period.end - period.start).days + 1) == (name, days)


def test_scrap_panel_counts_by_reason(plant, shift_day, signed_in):
    rows = signed_in("supervisor").get(f"/kpi/scrap/?start={DAY}&end={DAY}").context["rows"]

    assert [(row["label"], row["scrap"], row["rework"]) for row in rows] == [("No reason", "20", "0")]


def test_csv_has_a_row_per_line_and_day(plant, shift_day, signed_in):
    answer = signed_in("supervisor").get(f"/kpi.csv?start={DAY}&end={DAY}")

    header, row = answer.content.decode("utf-8-sig").splitlines()
    assert header.startswith("Production day,Line,")
    assert row.startswith(f"{DAY},{plant.line.line_code},{plant.line.line_name},39.58,50.0,83.33,95.0,28800.0,14400.0")


def test_page_asks_the_same_number_of_queries_for_one_and_three_lines(
    plant, shift_day, signed_in, django_assert_max_num_queries, django_assert_num_queries
):
    client = signed_in("supervisor")
    planned(plant.line, "16:00", "18:00")
    states(plant.line, ("16:00", "17:00", "stopped"), reason=plant.stop_reason)
    refresh_kpis()
    with django_assert_max_num_queries(20) as one:
        client.get(ONE_DAY)
    for _ in range(2):
        line = factories.line()
        planned(line, "08:00", "16:00")
        states(line, ("08:00", "10:00", "running"), ("10:00", "11:00", "stopped"), reason=plant.stop_reason)
    refresh_kpis()
    with django_assert_num_queries(len(one)):
        client.get(ONE_DAY)


@pytest.mark.parametrize(("role", "status"), [("supervisor", 200), ("auditor", 200), ("operator", 403)])
@pytest.mark.parametrize("page", ["/kpi/", "/kpi.csv", "/kpi/scrap/"])
def test_figures_open_to_the_roles_that_may(plant, signed_in, role, status, page):
    assert signed_in(role).get(page).status_code == status


def test_page_renders_in_japanese(shift_day, signed_in):
    answer = signed_in("supervisor").get(ONE_DAY, HTTP_ACCEPT_LANGUAGE="ja")

    assert answer.status_code == 200
    assert '<html lang="ja"' in answer.content.decode()
