"""The terminal by scanner alone: every code, and what each may not do."""

import re
from decimal import Decimal

import pytest

from audit.errors import InvalidInput
from equipment.enums import ReasonKind
from equipment.services.line_states import set_line_state
from production.queries.terminal import find_job
from production.services.job_orders import complete_job, report_quantity, start_job
from production.views.terminal_codes import read_code
from tests import factories
from tests.pages import fragment

pytestmark = pytest.mark.django_db
HTMX = fragment("terminal")


def page_url(line, query=""):
    return f"/terminal/line/{line.line_code}/{query}"


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


def scan(client, line, code, **data):
    return client.post(f"/terminal/scan/{line.pk}/", {"code": code} | data, **HTMX)


def test_a_shift_by_scanner_alone(plant, job, operator):
    number, line = job.work_order.work_order_number, plant.line
    scrap, hold = plant.scrap_reason.code, plant.hold_reason.code

    codes = [
        f"{number}/10",
        "GENBA:START",
        "genba:good:5",
        "GENBA:GOOD:2",
        f"GENBA:SCRAP:1:{scrap}",
        "GENBA:UNDO",
        f"GENBA:HOLD:{hold}",
        "GENBA:START",
        "GENBA:GOOD:13",
        "GENBA:COMPLETE",
    ]
    answers = [scan(operator, line, code, job=job.pk).status_code for code in codes]

    job.refresh_from_db()
    assert set(answers) <= {200, 204}
    assert (job.status, job.good, job.scrap) == ("completed", 20, 0)


def test_a_scanned_count_is_counted_once_however_often_it_is_sent(running, operator, plant):
    token = "0198c0de-0000-7000-8000-000000000001"

    for _n in range(2):
        scan(operator, plant.line, "GENBA:GOOD:5", client_token=token)

    assert counts_of(running) == (5, 0, 0)


def test_a_scanned_stop_explains_the_stop_that_is_open(plant, job, operator):
    set_line_state(line_id=plant.line.pk, state="stopped")

    scan(operator, plant.line, f"GENBA:STOP:{plant.stop_reason.code}")
    [stop] = plant.line.state_intervals.all()
    scan(operator, plant.line, "GENBA:RUN")

    assert stop.reason == plant.stop_reason
    assert plant.line.state_intervals.get(ended_at=None).state == "running"


def test_a_scanned_line_goes_to_its_terminal(plant, operator):
    other = factories.line()

    answer = scan(operator, plant.line, f"GENBA:LINE:{other.line_code}")

    assert answer.headers["HX-Redirect"] == page_url(other)


def test_a_scanned_job_is_shown_and_its_address_kept(plant, job, operator):
    other = factories.first_job(factories.work_order(plant, status="released", priority=9))

    answer = scan(operator, plant.line, other.work_order.work_order_number.lower())

    assert answer.headers["HX-Replace-Url"] == page_url(plant.line, f"?job={other.pk}")
    assert f'action="/terminal/jobs/{other.pk}/start/"' in answer.content.decode()


def test_an_order_number_with_a_slash_is_still_found(plant):
    order = factories.work_order(plant, work_order_number="WO/2026/20")
    planned = factories.work_order(plant, status="planned", work_order_number="WO/2026/1")

    assert find_job("wo/2026/1") == factories.first_job(planned)
    assert find_job("WO/2026/1/20").sequence == 20
    assert find_job(order.work_order_number) is None  # not planned yet: it has no job


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("", 422, "Scan a code first."),
        ("GENBA:FLY", 422, "The code “GENBA:FLY” means nothing here."),
        ("GENBA:GOOD:x", 422, "means nothing here"),
        ("GENBA:GOOD:-5", 422, "Quantities must be 0 or more."),
        ("GENBA:GOOD:500", 422, "At most 20 more can be reported"),
        ("GENBA:SCRAP:1", 422, "Scrap and rework need a reason."),
        ("GENBA:HOLD:NOWHY", 422, "There is no reason “NOWHY”."),
        ("GENBA:UNDO", 422, "There is no count of yours to take back."),
        ("GENBA:LINE:NOWHERE", 422, "There is no line “NOWHERE”."),
        ("WO-NOTHING/10", 422, "There is no open job “WO-NOTHING/10”."),
        ("WO\x00-1", 422, "There is no open job “WO-1”."),
        ("GENBA:START", 409, "Possible now"),
        ("<script>", 422, "&lt;SCRIPT&gt;"),
    ],
)
def test_a_code_that_cannot_be_obeyed_says_why_and_changes_nothing(running, operator, plant, code, status, says):
    answer = scan(operator, plant.line, code, job=running.pk)

    running.refresh_from_db()
    assert (answer.status_code, running.status, counts_of(running)) == (status, "running", (0, 0, 0))
    assert says in answer.content.decode()


def test_a_job_of_another_line_or_one_that_is_done_is_not_shown(plant, running, operator):
    elsewhere = factories.line()
    complete_job(job_order_id=running.pk)
    number = running.work_order.work_order_number

    done = scan(operator, plant.line, f"{number}/10")
    other = scan(operator, elsewhere, f"{number}/20")

    assert (done.status_code, other.status_code) == (409, 422)
    assert "is “Completed”" in done.content.decode()
    assert f"belongs to {plant.line.line_name}" in other.content.decode()


def test_scanning_does_not_widen_what_a_role_may_do(running, signed_in, plant):
    client = signed_in("auditor")

    answers = [
        scan(client, plant.line, code, job=running.pk).status_code
        for code in ("GENBA:GOOD:1", "GENBA:COMPLETE", "GENBA:RUN", f"GENBA:STOP:{plant.stop_reason.code}")
    ]

    assert (answers, counts_of(running)) == ([403] * 4, (0, 0, 0))


def test_every_printed_code_means_something(plant, operator):
    factories.reason(ReasonKind.STOP, "Jam 2")
    page = operator.get("/terminal/codes/").content.decode()
    codes = re.findall(r'class="mono">([^<]+)<', page)

    read = [read_code(code) for code in codes]

    assert page.count("<svg") > len(codes) >= 15
    assert page.count('class="qr"') == len(codes)
    assert {command.name for command in read} == {
        "START", "COMPLETE", "UNDO", "GOOD", "SCRAP", "REWORK", "HOLD", "RUN", "SETUP", "STOP", "LINE",
    }  # fmt: skip


def test_a_code_nobody_prints_is_refused():
    for code in ("GENBA:", "GENBA:HOLD", "GENBA:GOOD", "GENBA:GOOD:1:R:X", "GENBA:START:NOW", "GENBA:GOOD:INF"):
        with pytest.raises(InvalidInput):
            read_code(code)


def test_undo_by_scanner_means_the_own_last_count(running, operator, plant):
    scan(operator, plant.line, "GENBA:GOOD:5", job=running.pk)
    report_quantity(job_order_id=running.pk, good=Decimal(1), source="machine")
    report_quantity(job_order_id=running.pk, good=Decimal(2))  # by somebody else

    scan(operator, plant.line, "GENBA:UNDO", job=running.pk)

    assert counts_of(running) == (3, 0, 0)
