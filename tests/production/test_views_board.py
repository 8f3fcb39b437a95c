"""The live board, the page of one line, and a stop explained in two taps."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit import records
from equipment.enums import ReasonKind
from equipment.models import LineStateInterval
from equipment.services.line_states import explain_interval, record_past_states, set_line_state
from mfg_project.common.formats import moment
from production.queries.board import Today, board_lines, reasons_by_use
from production.services.job_orders import hold_job, report_quantity
from production.services.work_orders import hold_work_order
from production.views.tiles import segments_of
from tests import factories
from tests.pages import fragment

pytestmark = pytest.mark.django_db

BOARD = "/board/"


def tile_url(line, query=""):
    return f"/board/lines/{line.pk}/{query}"


def stopped(line, *, minutes=12, reason=None) -> LineStateInterval:
    at = timezone.now() - dt.timedelta(minutes=minutes)
    return set_line_state(line_id=line.pk, state="stopped", at=at, reason_id=reason.pk if reason else None)


def names_on(page) -> list[str]:
    return re.findall(r'class="tile-name"[^>]*><a [^>]*>([^<]+)</a>', page.content.decode())


# --- Who may see it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "role", ["operator", "supervisor", "inspector", "qa_manager", "maintenance", "planner", "auditor"]
)
def test_every_role_of_the_plant_sees_the_board_and_a_line(plant, signed_in, role):
    client = signed_in(role)

    answers = [client.get(url).status_code for url in (BOARD, reverse("production:line", args=[plant.line.pk]))]

    assert answers == [200, 200]


def test_a_stranger_signs_in_first(client, plant):
    assert client.get(BOARD).headers["Location"] == "/accounts/login/?next=/board/"


def test_a_line_that_does_not_exist_is_404(signed_in, plant):
    client = signed_in("operator")
    nowhere = "00000000-0000-7000-8000-000000000000"

    urls = [f"/lines/{nowhere}/", f"/board/lines/{nowhere}/", f"/lines/{nowhere}/stop/", "/stops/999999/explain/"]

    assert [client.get(url).status_code for url in urls] == [404] * 4


# --- What the board says ---------------------------------------------------------------------------------------------


def test_an_empty_plant_says_what_to_do(signed_in, as_admin):
    factories.site()

    assert "No production line yet" in signed_in("operator").get(BOARD).content.decode()


def test_a_line_nobody_heard_of_is_no_data_and_never_idle(plant, signed_in):
    page = signed_in("operator").get(BOARD).content.decode()

    assert 'data-state="no_data"' in page
    assert "Nothing heard yet" in page
    assert 'data-state="idle"' not in page


def test_a_line_that_fell_silent_says_since_when(plant, signed_in):
    end = timezone.now() - dt.timedelta(hours=1)
    past = LineStateInterval(state="running", started_at=end - dt.timedelta(hours=1), ended_at=end)
    record_past_states(line_id=plant.line.pk, intervals=[past], source="machine")

    page = signed_in("operator").get(BOARD).content.decode()

    assert 'data-state="no_data"' in page
    with timezone.override(plant.site.tz):
        assert f"Nothing heard since {moment(end).text}" in page  # with its day, when that was yesterday


def test_a_running_line_shows_order_counts_and_progress(plant, signed_in):
    order = factories.work_order(plant, status="in_progress", quantity="1200")
    report_quantity(job_order_id=factories.first_job(order).pk, good=1011, scrap=4, reason_id=plant.scrap_reason.pk)

    page = signed_in("operator").get(BOARD).content.decode()

    assert 'data-state="running"' in page
    assert order.work_order_number in page
    assert "<b>1,011</b> / 1,200" in page
    assert '<progress value="1011.0" max="1200.0" aria-label="1,011 good of 1,200 planned">' in page
    assert re.search(r"<dt>Scrap</dt><dd>4</dd>", page)


def test_stopped_lines_come_first_and_the_unexplained_before_the_explained(plant, signed_in):
    running, explained, unexplained, silent = (factories.line(code) for code in ("A1", "B2", "C3", "D4"))
    set_line_state(line_id=running.pk, state="running")
    stopped(explained, reason=plant.stop_reason)
    stopped(unexplained)
    set_line_state(line_id=silent.pk, state="no_data")

    page = signed_in("operator").get(BOARD)

    assert names_on(page)[:4] == ["Line C3", "Line B2", "Line D4", "Line A1"]


def test_a_late_order_asks_for_attention_before_lines_that_just_run(plant, signed_in):
    first = factories.line("A1")
    set_line_state(line_id=first.pk, state="running")
    now = timezone.now()
    factories.work_order(
        plant,
        status="in_progress",
        scheduled_start=now - dt.timedelta(hours=3),
        scheduled_end=now - dt.timedelta(hours=1, minutes=5),
    )

    page = signed_in("operator").get(BOARD)

    assert names_on(page)[0] == plant.line.line_name
    assert "Late by 1 h 05" in page.content.decode()


def test_an_order_on_hold_is_said_on_its_line(plant, signed_in):
    order = factories.work_order(plant, status="in_progress")
    hold_work_order(work_order_id=order.pk, reason="Crack found")

    assert "The order is on hold" in signed_in("operator").get(BOARD).content.decode()


def test_stops_of_today_that_are_over_still_ask_for_a_reason(plant, signed_in):
    stopped(plant.line, minutes=0)
    set_line_state(line_id=plant.line.pk, state="running")

    assert "1 earlier stop to explain" in signed_in("operator").get(BOARD).content.decode()


def test_oee_without_data_is_a_dash_and_never_zero(plant, signed_in):
    page = signed_in("operator").get(BOARD).content.decode()

    assert '<dt>OEE</dt><dd><span title="No data">—</span></dd>' in page


def test_an_inactive_line_is_not_shown(plant, signed_in):
    records.update(plant.line, is_active=False, reason="Taken out of use")

    assert names_on(signed_in("operator").get(BOARD)) == []


def test_the_board_speaks_japanese(plant, signed_in):
    stopped(plant.line, reason=plant.stop_reason)

    page = signed_in("operator").get(BOARD, headers={"Accept-Language": "ja"}).content.decode()

    assert '<html lang="ja"' in page
    assert "停止" in page
    assert plant.stop_reason.name_ja in page


def test_the_wall_screen_has_no_navigation_and_nothing_to_touch(plant, signed_in):
    stopped(plant.line)

    page = signed_in("operator").get("/board/?wall=1").content.decode()

    assert 'class="topbar"' not in page
    assert "tile-explain" not in page
    assert "Not explained" in page
    assert 'class="connection"' in page


# --- Partials --------------------------------------------------------------------------------------------------------


def test_a_tile_is_the_same_partial_the_board_used_first(plant, signed_in):
    client = signed_in("operator")
    stopped(plant.line)

    tile = client.get(tile_url(plant.line, "?rank=0")).content.decode()

    assert tile.startswith(f'<article class="tile" id="line-{plant.line.pk}" data-state="stopped"')
    assert without_the_clock(tile.strip()) in without_the_clock(client.get(BOARD).content.decode())


def without_the_clock(page: str) -> str:
    """The strip of the day grows with every second between two answers."""
    return re.sub(r'(x|width)="[\d.]+"', r'\1=""', page)


def test_a_tile_whose_place_changed_makes_the_grid_sort_itself(plant, signed_in):
    client = signed_in("operator")
    stopped(plant.line)

    same, moved = client.get(tile_url(plant.line, "?rank=0")), client.get(tile_url(plant.line, "?rank=7"))

    assert "HX-Trigger" not in same.headers
    assert "genba:resort" in moved.headers["HX-Trigger"]


def test_the_grid_and_the_line_answer_with_their_inside(plant, signed_in):
    client = signed_in("operator")

    grid = client.get("/board/grid/").content.decode()
    line = client.get(f"/lines/{plant.line.pk}/", **fragment("line")).content.decode()

    assert "<html" not in grid + line
    assert 'class="board"' in grid
    assert 'class="page-head line-head"' in line


def test_queries_stay_the_same_with_more_lines(plant, signed_in):
    client = signed_in("operator")

    def queries(url) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    def busy(line):
        at = factories.Plant(**(vars(plant) | {"line": line}))
        factories.work_order(at, status="in_progress")
        factories.work_order(at, status="released")
        stopped(line, minutes=0)

    urls = [BOARD, "/board/grid/", tile_url(plant.line), f"/lines/{plant.line.pk}/"]
    busy(plant.line)
    queries(BOARD)  # the first page of a session reads what a process remembers
    with_one = [queries(url) for url in urls]
    for _n in range(2):
        busy(factories.line())
    busy(plant.line)

    assert [queries(url) for url in urls] == with_one
    assert max(with_one) <= 16


# --- The strip of today ----------------------------------------------------------------------------------------------


def test_the_strip_places_states_in_the_production_day_and_marks_what_is_to_come():
    begin = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    now = begin + dt.timedelta(hours=12)
    intervals = [
        LineStateInterval(state="running", started_at=begin - dt.timedelta(hours=2), ended_at=begin.replace(hour=6)),
        LineStateInterval(state="stopped", started_at=begin.replace(hour=9), ended_at=None),
    ]

    pieces = segments_of(intervals, Today(begin=begin, end=begin + dt.timedelta(days=1), now=now))

    assert [(p["state"], p["x"], p["width"]) for p in pieces] == [
        ("running", 0.0, 250.0),
        ("stopped", 375.0, 125.0),
        ("future", 500.0, 500.0),
    ]


def test_a_held_job_stays_the_job_of_its_line(plant):
    order = factories.work_order(plant, status="in_progress")
    factories.work_order(plant, status="released", priority=1)
    hold_job(job_order_id=factories.first_job(order).pk, reason_id=plant.hold_reason.pk)

    [at] = board_lines(now=timezone.now())

    assert at.job.work_order == order


# --- A stop explained in two taps ------------------------------------------------------------------------------------


def test_a_stop_is_explained_in_two_taps(plant, signed_in):
    client = signed_in("operator")
    stop = stopped(plant.line)
    page = client.get(BOARD).content.decode()
    [first_tap] = re.findall(r'tile-explain"[^>]*hx-get="([^"]+)"', page)

    dialog = client.get(first_tap, **fragment("modal-content")).content.decode()
    [second_tap] = re.findall(r'<form hx-post="([^"]+)"', dialog)
    answer = client.post(second_tap, {"reason": plant.stop_reason.pk}, **fragment("modal-content"))

    stop.refresh_from_db()
    assert (answer.status_code, stop.reason) == (204, plant.stop_reason)
    assert stop.explained_by.username == "test-operator"
    for event in ("genba:close-modal", "genba:refresh", '"opens": "/stops/'):
        assert event in answer.headers["HX-Trigger"]
    assert "tile-explain" not in client.get(BOARD).content.decode()


def test_explaining_again_replaces_the_reason_and_keeps_the_comment_at_hand(plant, signed_in):
    client = signed_in("supervisor")
    other = factories.reason(ReasonKind.STOP)
    stop = stopped(plant.line)
    explain_interval(interval_id=stop.pk, reason_id=plant.stop_reason.pk, comment="Belt torn")
    url = f"/stops/{stop.pk}/explain/"

    dialog = client.get(url).content.decode()
    client.post(url, {"reason": other.pk, "comment": "Belt torn"})

    stop.refresh_from_db()
    assert 'value="Belt torn"' in dialog
    assert (
        f'value="{plant.stop_reason.pk}" data-code="GENBA:STOP:{plant.stop_reason.code}" aria-pressed="true"' in dialog
    )
    assert (stop.reason, stop.comment) == (other, "Belt torn")


@pytest.mark.parametrize("reason", ["", "no-id", "00000000-0000-7000-8000-000000000000"])
def test_without_a_valid_reason_nothing_is_explained(plant, signed_in, reason):
    stop = stopped(plant.line)

    answer = signed_in("operator").post(f"/stops/{stop.pk}/explain/", {"reason": reason})

    stop.refresh_from_db()
    assert (answer.status_code, stop.reason) == (422, None)
    assert 'data-level="error"' in answer.content.decode()


def test_who_may_not_explain_sees_that_it_is_missing_but_no_button(plant, signed_in):
    client = signed_in("auditor")
    stop = stopped(plant.line)

    page = client.get(BOARD).content.decode()
    answer = client.post(f"/stops/{stop.pk}/explain/", {"reason": plant.stop_reason.pk})

    stop.refresh_from_db()
    assert "Not explained" in page
    assert "tile-explain" not in page
    assert (answer.status_code, stop.reason) == (403, None)
    assert "Can set and explain line states" in answer.content.decode()


def test_reasons_used_most_in_thirty_days_come_first_in_the_language_of_the_reader(plant, signed_in):
    often, old = factories.reason(ReasonKind.STOP), factories.reason(ReasonKind.STOP, sort_order=1)
    factories.reason(ReasonKind.STOP, is_active=False)
    long_ago = timezone.now() - dt.timedelta(days=40)
    past = [
        LineStateInterval(
            state="stopped",
            reason=old,
            started_at=long_ago + dt.timedelta(hours=n),
            ended_at=long_ago + dt.timedelta(hours=n, minutes=5),
        )
        for n in range(3)
    ]
    record_past_states(line_id=plant.line.pk, intervals=past, source="machine")
    stop = stopped(plant.line, reason=often)

    page = signed_in("operator").get(f"/stops/{stop.pk}/explain/", headers={"Accept-Language": "ja"}).content.decode()

    assert reasons_by_use(ReasonKind.STOP) == [often, old, plant.stop_reason]
    assert page.index(often.name_ja) < page.index(old.name_ja) < page.index(plant.stop_reason.name_ja)


# --- States by hand --------------------------------------------------------------------------------------------------


def test_maintenance_takes_a_line_out_and_back(plant, signed_in):
    client = signed_in("maintenance")
    url = f"/lines/{plant.line.pk}/state/"

    answers = [client.post(url, {"state": state}).status_code for state in ("maintenance", "running")]

    assert answers == [204, 204]
    states = list(plant.line.state_intervals.order_by("started_at").values_list("state", "source"))
    assert states == [("maintenance", "person"), ("running", "person")]


def test_an_unknown_state_is_refused_in_words(plant, signed_in):
    answer = signed_in("operator").post(f"/lines/{plant.line.pk}/state/", {"state": "flying"})

    assert answer.status_code == 422
    assert "Unknown line state" in answer.headers["HX-Trigger"]
    assert not plant.line.state_intervals.exists()


def test_an_inspector_may_not_set_a_state(plant, signed_in):
    answer = signed_in("inspector").post(f"/lines/{plant.line.pk}/state/", {"state": "running"})

    assert (answer.status_code, plant.line.state_intervals.count()) == (403, 0)


def test_a_stop_by_hand_takes_its_reason_at_once_or_later(plant, signed_in):
    client = signed_in("operator")
    url = f"/lines/{plant.line.pk}/stop/"

    assert "Not known yet" in client.get(url).content.decode()
    client.post(url, {"reason": ""})
    client.post(url, {"reason": plant.stop_reason.pk})

    [interval] = plant.line.state_intervals.all()
    assert (interval.state, interval.reason, interval.ended_at) == ("stopped", plant.stop_reason, None)


def test_the_line_page_lists_the_states_of_today_with_who_explained_them(plant, signed_in):
    stop = stopped(plant.line, minutes=0)
    explain_interval(interval_id=stop.pk, reason_id=plant.stop_reason.pk, comment="Belt torn")
    set_line_state(line_id=plant.line.pk, state="running")
    order = factories.work_order(plant, status="released")

    page = signed_in("operator").get(f"/lines/{plant.line.pk}/").content.decode()

    for words in ("Belt torn", plant.stop_reason.name, "Test admin", order.work_order_number, "Change"):
        assert words in page
