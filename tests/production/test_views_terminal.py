"""The operator terminal through the browser's eyes: one job, one big action, the count; and every refusal in place."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from equipment.models import LineStateInterval
from equipment.services.line_states import set_line_state
from production.models import JobOrder, QuantityReport
from production.queries.terminal import line_queue
from production.services.job_orders import complete_job, hold_job, report_quantity, start_job
from production.services.work_orders import hold_work_order
from tests import factories
from tests.pages import fragment

pytestmark = pytest.mark.django_db
HTMX = fragment("terminal")


def page_url(line, query=""):
    return f"/terminal/line/{line.line_code}/{query}"


def job_url(job, step):
    return f"/terminal/jobs/{job.pk}/{step}/"


def token_in(page) -> str:
    [token] = re.findall(r'name="client_token" value="([^"]+)"', page.content.decode())
    return token


def field(page, name) -> str:
    [value] = re.findall(rf'name="{name}" value="([^"]*)"', page.content.decode())
    return value


def counts_of(job) -> tuple[Decimal, Decimal, Decimal]:
    job.refresh_from_db()
    return job.good, job.scrap, job.rework


@pytest.fixture
def job(plant):
    return factories.first_job(factories.work_order(plant, status="released", quantity="20"))


@pytest.fixture
def running(job):
    return start_job(job_order_id=job.pk)


@pytest.fixture
def operator(signed_in):
    return signed_in("operator")


# --- Choosing the line ----------------------------------------------------------------------------------------


def test_a_tablet_is_asked_once_for_its_line(plant, operator):
    asked = operator.get("/terminal/").content.decode()
    operator.get(page_url(plant.line))

    remembered = operator.get("/terminal/")
    asked_again = operator.get("/terminal/?choose=1").content.decode()

    assert plant.line.line_name in asked
    assert remembered.headers["Location"] == page_url(plant.line)
    assert plant.line.line_name in asked_again


def test_the_address_can_name_the_line(plant, operator):
    assert operator.get(f"/terminal/?line={plant.line.line_code}").headers["Location"] == page_url(plant.line)


@pytest.mark.parametrize("code", ["NOWHERE", "%00", "a/b", "ライン"])
def test_an_unknown_line_is_404(plant, operator, code):
    assert operator.get(f"/terminal/line/{code}/").status_code == 404


def test_a_remembered_line_that_is_gone_is_asked_again(plant, operator):
    operator.cookies["terminal_line"] = "GONE"

    assert operator.get("/terminal/").status_code == 200


def test_who_may_only_look_sees_why_there_is_nothing_to_press(job, signed_in, plant):
    client = signed_in("auditor")

    page = client.get(page_url(plant.line)).content.decode()
    answer = client.post(job_url(job, "start"))

    job.refresh_from_db()
    assert "Your role may not do this." in page
    assert 'data-code="GENBA:START"' not in page
    assert (answer.status_code, job.status) == (403, "waiting")


# --- Which job is next ----------------------------------------------------------------------------------------


def test_the_next_job_is_what_runs_then_what_is_held_then_by_priority_and_start(plant):
    now = timezone.now()
    later = factories.work_order(plant, status="released", scheduled_start=now, scheduled_end=now + dt.timedelta(1))
    urgent = factories.work_order(plant, status="released", priority=1)
    held = factories.work_order(plant, status="in_progress", priority=9)
    running = factories.work_order(plant, status="in_progress", priority=10)
    hold_job(job_order_id=factories.first_job(held).pk, reason_id=plant.hold_reason.pk)
    factories.work_order(plant, status="planned", priority=1)

    queue = [(job.work_order, job.sequence) for job in line_queue(plant.line.pk)]

    assert queue == [(running, 10), (held, 10), (urgent, 10), (later, 10), (held, 20), (running, 20)]


def test_an_operation_waits_until_the_one_before_has_begun(plant, job):
    before = [j.sequence for j in line_queue(plant.line.pk)]
    start_job(job_order_id=job.pk)

    assert (before, [j.sequence for j in line_queue(plant.line.pk)]) == ([10], [10, 20])


def test_an_order_on_hold_offers_no_job_but_a_running_one_stays_in_sight(plant, job, operator):
    start_job(job_order_id=job.pk)
    hold_work_order(work_order_id=job.work_order_id, reason="Crack found")

    page = operator.get(page_url(plant.line)).content.decode()

    assert [j.sequence for j in line_queue(plant.line.pk)] == [10]
    assert "The order is on hold." in page


def test_an_empty_queue_says_what_will_appear(plant, operator):
    assert "No job for this line" in operator.get(page_url(plant.line)).content.decode()


def test_the_page_shows_what_is_needed_to_work(plant, operator):
    factories.work_order(
        plant,
        status="released",
        special_instructions="Deburr <both> sides",
        manufacturing_parameters={"spindle rpm": 8000, "nested": {"left": "out"}},
    )

    page = operator.get(page_url(plant.line)).content.decode()

    for words in ("Deburr &lt;both&gt; sides", "spindle rpm", "20 Operation 2", plant.product.product_name):
        assert words in page
    assert "nested" not in page


def test_another_job_can_be_chosen_from_the_queue(plant, job, operator):
    other = factories.first_job(factories.work_order(plant, status="released", priority=9))

    page = operator.get(page_url(plant.line, f"?job={other.pk}"), **HTMX).content.decode()

    assert "<html" not in page
    assert f'action="{job_url(other, "start")}"' in page


# --- The whole way ---------------------------------------------------------------------------------------------


def test_a_job_is_started_counted_undone_held_resumed_and_completed(plant, job, operator):
    started = operator.post(job_url(job, "start"), **HTMX)
    reported = operator.post(
        job_url(job, "report"),
        {"good": "5", "scrap": "1", "reason": plant.scrap_reason.pk, "client_token": token_in(started)},
        **HTMX,
    )
    report = QuantityReport.objects.get()
    undone = operator.post(f"/terminal/reports/{report.pk}/undo/", **HTMX)
    assert (undone.status_code, counts_of(job)) == (204, (0, 0, 0))
    operator.post(job_url(job, "report"), {"good": "20", "client_token": token_in(reported)}, **HTMX)
    held = operator.post(job_url(job, "hold"), {"reason": plant.hold_reason.pk}, **fragment("modal-content"))
    line_while_held = plant.line.state_intervals.get(ended_at=None).state
    resumed = operator.post(job_url(job, "start"), **HTMX)
    completed = operator.post(job_url(job, "complete"), **HTMX)

    job.refresh_from_db()
    answers = [a.status_code for a in (started, reported, held, resumed, completed)]
    assert answers == [200, 200, 204, 200, 200]
    assert (job.status, job.good, line_while_held) == ("completed", 20, "idle")
    assert "genba:undo" in reported.headers["HX-Trigger"]
    assert f"/terminal/reports/{report.pk}/undo/" in reported.headers["HX-Trigger"]
    assert (reported.headers["HX-Retarget"], reported.headers["HX-Reswap"]) == ("#terminal", "morph:innerHTML")
    following = JobOrder.objects.get(work_order=job.work_order, sequence=20)
    assert f'action="{job_url(following, "start")}"' in completed.content.decode()
    assert {interval.reported_by.username for interval in plant.line.state_intervals.all()} == {"test-operator"}


def test_without_scripts_every_form_is_an_ordinary_post(plant, running, operator):
    answer = operator.post(job_url(running, "report"), {"good": "3"})
    refused = operator.post(job_url(running, "report"), {"good": "300"})

    assert answer.headers["Location"] == page_url(plant.line, f"?job={running.pk}")
    assert (refused.status_code, "<html" in refused.content.decode()) == (422, True)


# --- Counting --------------------------------------------------------------------------------------------------


def test_a_second_click_counts_nothing(running, operator, plant):
    data = {"good": "5", "client_token": token_in(operator.get(page_url(plant.line)))}

    answers = [operator.post(job_url(running, "report"), data, **HTMX).status_code for _n in range(2)]

    assert (answers, counts_of(running)) == ([200, 200], (5, 0, 0))


def test_every_render_carries_a_token_of_its_own(running, operator, plant):
    first = operator.get(page_url(plant.line))
    second = operator.post(job_url(running, "report"), {"good": "1", "client_token": token_in(first)}, **HTMX)

    assert token_in(first) != token_in(second)


def test_numbers_altered_after_a_lost_answer_are_not_added(running, operator, plant):
    token = token_in(operator.get(page_url(plant.line)))
    operator.post(job_url(running, "report"), {"good": "5", "client_token": token}, **HTMX)

    answer = operator.post(job_url(running, "report"), {"good": "6", "client_token": token}, **HTMX)

    assert (answer.status_code, counts_of(running)) == (422, (5, 0, 0))
    assert "Already counted: good 5" in answer.content.decode()
    assert (field(answer, "good"), token_in(answer) == token) == ("", False)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"good": ""}, "Enter at least one piece."),
        ({"good": "0"}, "Enter at least one piece."),
        ({"good": "-3"}, "Quantities must be 0 or more."),
        ({"good": "5", "scrap": "2"}, "Scrap and rework need a reason."),
        ({"good": "21"}, "At most 20 more can be reported"),
        ({"good": "many"}, "Enter whole numbers."),
        ({"good": "٣x"}, "Enter whole numbers."),
        ({"good": "NaN"}, "Quantities must be 0 or more."),
        ({"good": "9" * 30}, "The number is too large."),
        ({"good": "\x00"}, "Enter whole numbers."),
    ],
)
def test_a_refused_count_is_said_in_place_and_the_numbers_stay(running, operator, plant, data, says):
    token = token_in(operator.get(page_url(plant.line)))

    answer = operator.post(job_url(running, "report"), data | {"client_token": token}, **HTMX)

    assert (answer.status_code, counts_of(running)) == (422, (0, 0, 0))
    assert says in answer.content.decode()
    assert (field(answer, "good"), token_in(answer)) == (data["good"], token)


def test_the_chosen_reason_stays_after_a_refusal(running, operator, plant):
    data = {"good": "50", "scrap": "2", "reason": str(plant.scrap_reason.pk)}

    answer = operator.post(job_url(running, "report"), data, **HTMX).content.decode()

    assert re.findall(r'name="reason" value="([^"]+)"[^>]* checked', answer) == [str(plant.scrap_reason.pk)]


def test_an_order_put_on_hold_meanwhile_refuses_the_count_with_its_numbers(running, operator, plant):
    token = token_in(operator.get(page_url(plant.line)))
    hold_work_order(work_order_id=running.work_order_id, reason="Crack found")

    answer = operator.post(job_url(running, "report"), {"good": "7", "client_token": token}, **HTMX)

    assert (answer.status_code, counts_of(running)) == (409, (0, 0, 0))
    assert "Pieces are counted only on a running job." in answer.content.decode()
    assert field(answer, "good") == "7"


def test_a_count_that_is_undone_twice_is_undone_once(running, operator, plant):
    report = report_quantity(job_order_id=running.pk, good=Decimal(4))
    url = f"/terminal/reports/{report.pk}/undo/"

    answers = [operator.post(url, **HTMX) for _n in range(2)]

    assert [a.status_code for a in answers] == [204, 422]
    assert "This report is already undone." in answers[1].content.decode()
    assert counts_of(running) == (0, 0, 0)


def test_a_kilogram_may_have_decimals(plant, operator):
    order = factories.work_order(plant, status="in_progress", uom="kg")

    operator.post(job_url(factories.first_job(order), "report"), {"good": "1,5"}, **HTMX)

    assert 'data-key="."' in operator.get(page_url(plant.line)).content.decode()
    assert counts_of(factories.first_job(order))[0] == Decimal("1.5")


# --- Start, hold, complete -------------------------------------------------------------------------------------


def test_a_start_that_is_no_longer_possible_is_409_and_says_what_is(running, operator):
    answer = operator.post(job_url(running, "start"), **HTMX)

    assert answer.status_code == 409
    assert "Possible now" in answer.content.decode()


def test_hold_asks_for_a_reason_of_its_kind(running, operator, plant):
    dialog = operator.get(job_url(running, "hold")).content.decode()
    without = operator.post(job_url(running, "hold"), {"reason": ""})
    wrong_kind = operator.post(job_url(running, "hold"), {"reason": plant.scrap_reason.pk})

    running.refresh_from_db()
    assert plant.hold_reason.name in dialog
    assert plant.scrap_reason.name not in dialog
    assert ([without.status_code, wrong_kind.status_code], running.status) == ([422, 422], "running")


def test_complete_asks_once_more_while_pieces_are_missing(running, operator):
    report_quantity(job_order_id=running.pk, good=Decimal(12))

    asked = operator.post(job_url(running, "complete"), **HTMX)
    running.refresh_from_db()
    status_then = running.status
    operator.post(job_url(running, "complete"), {"confirmed": "1"}, **HTMX)

    running.refresh_from_db()
    assert (asked.headers["HX-Retarget"], status_then) == ("#modal-content", "running")
    assert "8 pieces are missing" in asked.content.decode()
    assert running.status == "completed"


def test_the_last_job_of_an_order_completes_it_for_an_operator(plant, operator):
    order = factories.work_order(plant, status="in_progress", quantity="1")
    for job in order.job_orders.order_by("sequence"):
        operator.post(job_url(job, "start"), **HTMX)
        operator.post(job_url(job, "report"), {"good": "1"}, **HTMX)
        operator.post(job_url(job, "complete"), **HTMX)

    order.refresh_from_db()
    assert (order.status, order.actual_quantity) == ("completed", 1)


@pytest.mark.parametrize("step", ["start", "report", "hold", "complete"])
def test_a_job_that_does_not_exist_is_404(plant, operator, step):
    assert operator.post(f"/terminal/jobs/00000000-0000-7000-8000-000000000000/{step}/").status_code == 404


@pytest.mark.parametrize("step", ["start", "report", "complete"])
def test_acts_are_posts(running, operator, step):
    assert operator.get(job_url(running, step)).status_code == 405


# --- What others change ------------------------------------------------------------------------------------------


def test_a_live_look_brings_counts_and_queue_and_leaves_the_typed_count_alone(running, operator, plant):
    report_quantity(job_order_id=running.pk, good=Decimal(4))

    look = operator.get(f"/terminal/live/{plant.line.pk}/?shown={running.pk}:running", **HTMX)

    page = look.content.decode()
    assert "HX-Retarget" not in look.headers
    assert "<b>4</b>" in page
    assert page.count('hx-swap-oob="morph"') == 5
    assert 'id="report"' not in page


def test_a_live_look_replaces_everything_when_the_job_is_no_longer_what_is_shown(running, operator, plant):
    complete_job(job_order_id=running.pk)

    look = operator.get(f"/terminal/live/{plant.line.pk}/?shown={running.pk}:running", **HTMX)

    assert look.headers["HX-Retarget"] == "#terminal"


def test_a_stopped_line_asks_for_its_reason_on_the_terminal(running, operator, plant):
    set_line_state(line_id=plant.line.pk, state="stopped")
    stop = LineStateInterval.objects.get(line=plant.line, ended_at=None)

    page = operator.get(page_url(plant.line)).content.decode()

    assert f'hx-get="/stops/{stop.pk}/explain/"' in page
    assert 'data-code="GENBA:RUN"' in page


def test_queries_stay_the_same_with_more_lines_and_jobs(plant, running, operator):
    def queries(url) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert operator.get(url).status_code == 200
        return len(captured)

    urls = [page_url(plant.line), f"/terminal/live/{plant.line.pk}/", "/terminal/?choose=1"]
    factories.work_order(plant, status="released")
    queries(urls[0])  # the first page of a session reads what a process remembers
    with_one = [queries(url) for url in urls]
    for _n in range(2):
        factories.work_order(factories.Plant(**(vars(plant) | {"line": factories.line()})), status="in_progress")
        factories.work_order(plant, status="released")

    assert [queries(url) for url in urls] == with_one
    assert max(with_one) <= 18


def test_the_terminal_speaks_japanese(running, operator, plant):
    page = operator.get(page_url(plant.line), headers={"Accept-Language": "ja"}).content.decode()

    assert "良品" in page
    assert plant.scrap_reason.name_ja in page
