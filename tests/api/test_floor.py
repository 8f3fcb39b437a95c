"""Lines, states, reasons, jobs, counts, checks, products and key figures over HTTP: happy and refused."""

import datetime as dt
from decimal import Decimal
from uuid import uuid4

import pytest

from equipment.models import LineStateInterval
from equipment.services.line_states import set_line_state
from production.models import JobOrder, QuantityReport
from production.services.job_orders import report_quantity
from production.services.kpi import refresh_kpis
from quality.models import QualityCheck
from tests import factories

pytestmark = pytest.mark.django_db

NOBODY = "00000000-0000-4000-8000-000000000000"
REPORTS = "/api/v1/quantity-reports/"
STATES = "/api/v1/line-states/"
CHECKS = "/api/v1/quality-checks/"


# --- Products -------------------------------------------------------------------------------------------


def test_products_carry_the_names_of_the_source_document(planner, plant):
    made = planner.post(
        "/api/v1/products/",
        {"product_code": "BOX", "product_name": "Box 📦", "product_type": "finished", "version": "2.1"},
    )
    change = {"version": "2.2", "record_version": 1, "standard_cycle_time": "1.5"}
    unexplained = planner.patch(made["Location"], change)
    changed = planner.patch(made["Location"], change | {"reason": "A faster press"})
    stale = planner.patch(made["Location"], {"version": "2.3", "record_version": 1})
    stale_by_header = planner.patch(made["Location"], {"version": "2.3"}, headers={"If-Match": made["ETag"]})
    found = planner.get("/api/v1/products/?q=box").json()["results"]

    assert made.status_code == 201
    assert (unexplained.status_code, unexplained.json()["code"]) == (422, "reason_required")
    assert (made.json()["version"], made.json()["record_version"]) == ("2.1", 1)
    assert (changed.json()["version"], changed.json()["record_version"], changed["ETag"]) == ("2.2", 2, '"2"')
    assert changed.json()["standard_cycle_time"] == "1.5000"
    assert (stale.status_code, stale_by_header.status_code) == (409, 412)
    assert [row["product_code"] for row in found] == ["BOX"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"product_code": "A", "product_name": "A", "product_type": "A", "standard_cycle_time": "0"}, 422),
        ({"product_code": "A", "product_name": "A", "product_type": "A", "target_yield_rate": "101"}, 422),
        ({"product_code": "A", "product_name": "A", "product_type": "A", "target_yield_rate": "1001"}, 400),
        ({"product_code": "TAKEN", "product_name": "A", "product_type": "A"}, 409),
        ({"product_code": "A", "product_name": "A", "product_type": "A", "is_active": "maybe"}, 400),
        ({"product_code": "A" * 51, "product_name": "A", "product_type": "A"}, 400),
    ],
)
def test_a_bad_product_is_refused(planner, plant, body, status):
    factories.product("TAKEN")

    assert planner.post("/api/v1/products/", body).status_code == status
    assert planner.patch(f"/api/v1/products/{NOBODY}/", {}).status_code == 404


# --- Lines and their states -----------------------------------------------------------------------------


def test_the_hierarchy_is_read_only(planner, plant):
    assert planner.get("/api/v1/sites/").json()["results"][0]["time_zone"] == "Asia/Tokyo"
    assert planner.get("/api/v1/areas/").json()["results"][0]["code"] == "A1"
    machine = planner.get(f"/api/v1/equipment/?line={plant.line.line_code}").json()["results"][0]
    assert machine["line_id"] == str(plant.line.pk)
    for address in ("sites", "areas", "lines", "equipment", "reasons", "characteristics"):
        assert planner.post(f"/api/v1/{address}/", {}).status_code == 405


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (None, "NO_DATA"),
        ("running", "RUNNING"),
        ("idle", "IDLE"),
        ("setup", "IDLE"),
        ("stopped", "DOWN"),
        ("maintenance", "MAINTENANCE"),
        ("no_data", "NO_DATA"),
    ],
)
def test_a_line_shows_its_state_in_both_vocabularies(operator, plant, state, status):
    interval = set_line_state(line_id=plant.line.pk, state=state) if state else None

    body = operator.get(f"/api/v1/lines/{plant.line.pk}/").json()

    assert body["status"] == status
    assert (body["state"] or {}).get("state") == state
    if interval:
        assert dt.datetime.fromisoformat(body["state"]["since"]) == interval.started_at


def test_a_state_is_set_and_explained(operator, plant):
    stopped = operator.post(STATES, {"line_id": str(plant.line.pk), "state": "STOPPED"})
    unexplained = operator.get(f"{STATES}?unexplained=true&open=true").json()["results"]
    explained = operator.post(
        f"{STATES}{stopped.json()['id']}/explain/", {"reason_id": str(plant.stop_reason.pk), "comment": "⚡"}
    )

    assert stopped.status_code == 201
    assert stopped.json()["needs_explanation"] is True
    assert [row["id"] for row in unexplained] == [stopped.json()["id"]]
    assert explained.json()["reason"]["code"] == plant.stop_reason.code
    assert operator.get(f"{STATES}?unexplained=true").json()["count"] == 0


def test_states_of_a_period(operator, plant, now):
    line = {"line_id": str(plant.line.pk)}
    for hours, state in ((3, "running"), (2, "idle"), (1, "running")):
        operator.post(STATES, line | {"state": state, "at": (now - dt.timedelta(hours=hours)).isoformat()})
    moment = (now - dt.timedelta(hours=1.5)).isoformat().replace("+", "%2B")

    after = operator.get(f"{STATES}?since={moment}").json()["results"]
    before = operator.get(f"{STATES}?until={moment}&line={plant.line.line_code}").json()["results"]

    assert [row["state"] for row in after] == ["running", "idle"]
    assert [row["state"] for row in before] == ["idle", "running"]
    assert operator.get(f"{STATES}?since=2026-01-31T08:00:00").json()["errors"]["since"][0].startswith("A time needs")
    assert operator.get(f"{STATES}?state=flying").status_code == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"line_id": NOBODY}, 404),
        ({"state": "flying"}, 422),
        ({"at": "2999-01-01T00:00:00Z"}, 400),
        ({"at": "2100-01-01T00:00:00Z"}, 422),
        ({"at": "2026-01-31T08:00:00"}, 400),
        ({"at": "2001-01-01T00:00:00Z"}, 422),
        ({"reason_id": NOBODY}, 404),
        ({"comment": "a\u0000"}, 400),
        ({"comment": "x" * 501}, 400),
        ({"state": ["idle"]}, 400),
    ],
)
def test_a_bad_state_is_refused(operator, plant, body, status):
    set_line_state(line_id=plant.line.pk, state="idle")

    answer = operator.post(STATES, {"line_id": str(plant.line.pk), "state": "running"} | body)

    assert answer.status_code == status, answer.json()
    assert LineStateInterval.objects.count() == 1


def test_an_unknown_stop_cannot_be_explained(operator, plant):
    for key in ("1", "999999999999999999", "x"):
        answer = operator.post(f"{STATES}{key}/explain/", {"reason_id": str(plant.stop_reason.pk)})
        assert answer.status_code == 404


def test_reasons_are_named_in_the_readers_language(client_of, plant):
    japanese = client_of("operator", **{"accept-language": "ja"}).get("/api/v1/reasons/?kind=stop").json()["results"]
    english = client_of("operator").get("/api/v1/reasons/?kind=STOP").json()["results"]

    assert [row["label"] for row in japanese] == [plant.stop_reason.name_ja]
    assert [row["label"] for row in english] == [plant.stop_reason.name]
    assert client_of("operator").get("/api/v1/reasons/?kind=why").status_code == 400


# --- Job orders and counts ------------------------------------------------------------------------------


def test_a_job_is_held_with_a_reason_and_goes_on(operator, plant):
    job = factories.first_job(factories.work_order(plant, status="in_progress"))
    address = f"/api/v1/job-orders/{job.pk}/"

    held = operator.post(f"{address}hold/", {"reason_id": str(plant.hold_reason.pk), "comment": "lunch"})
    listed = operator.get(f"/api/v1/job-orders/?status=HELD&line_id={plant.line.pk}").json()["results"]
    started = operator.post(f"{address}start/")

    assert held.json()["status"] == "held"
    assert [step["name"] for step in held.json()["allowed_steps"]] == ["start", "cancel"]
    assert [row["id"] for row in listed] == [str(job.pk)]
    assert started.json()["status"] == "running"


@pytest.mark.parametrize(
    ("status", "step", "body", "answer_status", "allowed"),
    [
        ("planned", "start", {}, 409, ["start", "cancel"]),
        ("released", "complete", {}, 409, ["start", "cancel"]),
        ("in_progress", "start", {}, 409, ["hold", "complete"]),
        ("in_progress", "hold", {}, 400, None),
        ("in_progress", "hold", {"reason_id": NOBODY}, 404, None),
        ("in_progress", "complete", {"good": 3}, 400, None),
    ],
)
def test_a_job_step_out_of_turn_is_refused(operator, plant, status, step, body, answer_status, allowed):
    job = factories.first_job(factories.work_order(plant, status=status))

    answer = operator.post(f"/api/v1/job-orders/{job.pk}/{step}/", body)

    assert answer.status_code == answer_status, answer.json()
    assert answer.json().get("allowed") == allowed
    assert JobOrder.objects.get(pk=job.pk).version == job.version


def test_counting_twice_under_one_token_or_key_counts_once(operator, client_of, plant):
    job = factories.first_job(factories.work_order(plant, status="in_progress"))
    body = {"job_order_id": str(job.pk), "good": 3}
    token, key = {"client_token": str(uuid4())}, {"Idempotency-Key": "shift-1/report-7"}

    answers = [
        operator.post(REPORTS, body | token),
        operator.post(REPORTS, body | token),
        operator.post(REPORTS, body, headers=key),
        operator.post(REPORTS, body, headers=key),
    ]
    of_another_client = client_of("integration").post(REPORTS, body, headers=key)

    assert [a.status_code for a in answers] == [201] * 4
    assert len({a.json()["id"] for a in answers}) == 2
    assert of_another_client.json()["id"] not in {a.json()["id"] for a in answers}
    job.refresh_from_db()
    assert job.good == 9
    assert operator.post(REPORTS, body, headers={"Idempotency-Key": "x" * 256}).status_code == 400


def test_a_count_is_undone_once(operator, plant):
    job = factories.first_job(factories.work_order(plant, status="in_progress"))
    made = operator.post(
        REPORTS, {"job_order_id": str(job.pk), "good": 2, "scrap": "1", "reason_id": str(plant.scrap_reason.pk)}
    ).json()

    undone = operator.post(f"{REPORTS}{made['id']}/undo/", {"reason": "counted twice"})
    again = operator.post(f"{REPORTS}{made['id']}/undo/")

    assert undone.status_code == 201
    assert (undone.json()["good"], undone.json()["scrap"], undone.json()["reverses_id"]) == (
        "-2.0000",
        "-1.0000",
        made["id"],
    )
    assert again.status_code == 422
    assert operator.get(f"{REPORTS}?job_order_id={job.pk}").json()["count"] == 2


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"good": 0}, 422, "at least one piece"),
        ({"good": -1}, 422, "0 or more"),
        ({"good": 11}, 422, "At most 10 more"),
        ({"good": 8, "scrap": 3, "reason_id": "scrap"}, 422, "At most 10 more"),
        ({"scrap": 1}, 422, "need a reason"),
        ({"scrap": 1, "reason_id": NOBODY}, 404, "reason does not exist"),
        ({"good": "many"}, 400, "valid number"),
        ({"good": "NaN"}, 400, "valid number"),
        ({"good": "1e5"}, 422, "At most 10 more"),
        ({"good": "0.00001"}, 400, "4 decimal places"),
        ({"good": 1, "reported_at": "2026-01-31T08:00:00"}, 400, "needs its zone"),
        ({"good": 1, "reported_at": "2001-01-31T08:00:00Z"}, 422, "outside the job"),
        ({"good": 1, "client_token": "first"}, 400, "UUID"),
        ({"good": 1, "job_order_id": NOBODY}, 404, "job order was not found"),
        ({"good": 1, "comment": "\u0000"}, 400, "Null"),
    ],
)
def test_a_bad_count_is_refused(operator, plant, body, status, word):
    job = factories.first_job(factories.work_order(plant, status="in_progress", quantity="10"))
    if body.get("reason_id") == "scrap":
        body = body | {"reason_id": str(plant.scrap_reason.pk)}

    answer = operator.post(REPORTS, {"job_order_id": str(job.pk)} | body)

    assert answer.status_code == status, answer.json()
    assert word in answer.json()["detail"]
    assert not QuantityReport.objects.exists()


def test_pieces_are_counted_only_on_a_running_job(operator, plant):
    job = factories.first_job(factories.work_order(plant, status="released"))

    answer = operator.post(REPORTS, {"job_order_id": str(job.pk), "good": 1})

    assert answer.status_code == 409
    assert answer.json()["allowed"] == ["start", "cancel"]


def test_a_program_counts_as_a_machine(client_of, user_of, plant):
    job = factories.first_job(factories.work_order(plant, status="in_progress"))
    program = user_of("integration")
    program.is_person = False
    with factories.arranging():
        program.save()

    made = client_of("integration").post(REPORTS, {"job_order_id": str(job.pk), "good": 1})

    assert made.json()["source"] == "machine"


# --- Quality --------------------------------------------------------------------------------------------


def test_a_check_is_recorded_with_its_verdict_and_exact_values(client_of, plant):
    inside = factories.characteristic(plant.product, "D1")
    outside = factories.characteristic(plant.product, "D2")
    order = factories.work_order(plant, status="in_progress")
    body = {
        "work_order_id": str(order.pk),
        "test_type": "dimension",
        "piece": "7",
        "client_token": str(uuid4()),
        "measurements": [
            {"characteristic_id": str(inside.pk), "value": "10.00"},
            {"characteristic_id": str(outside.pk), "value": 10.2, "reported_status": "PASS"},
        ],
    }
    inspector = client_of("inspector")

    made = inspector.post(CHECKS, body)
    again = inspector.post(CHECKS, body)
    failed = inspector.get(f"{CHECKS}?result=FAIL&work_order_number={order.work_order_number}").json()["results"]

    assert made.status_code == 201, made.json()
    assert made.json()["result"] == "fail"
    assert [(m["value"], m["verdict"]) for m in made.json()["measurements"]] == [("10.00", "pass"), ("10.2", "fail")]
    assert again.json()["id"] == made.json()["id"]
    assert [row["id"] for row in failed] == [made.json()["id"]]
    limits = inspector.get(f"/api/v1/characteristics/?product_code={plant.product.product_code}").json()["results"]
    assert [(row["code"], row["lower_limit"]) for row in limits] == [("D1", "9.9"), ("D2", "9.9")]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"measurements": []}, 422),
        ({"measurements": [{"characteristic_id": NOBODY, "value": "1"}]}, 404),
        ({"measurements": [{"value": "1"}]}, 400),
        ({"measurements": [{"characteristic_id": "own", "value": "ten"}]}, 400),
        ({"measurements": [{"characteristic_id": "own", "value": "1e400"}]}, 422),
        ({"measurements": [{"characteristic_id": "own", "value": "1." + "1" * 40}]}, 422),
        ({"measurements": [{"characteristic_id": "own", "value": "1"}] * 2}, 409),
        ({"measurements": {"value": 1}}, 400),
        ({"work_order_id": NOBODY}, 404),
        ({"job_order_id": NOBODY}, 404),
        ({"performed_at": "2026-01-31T08:00:00"}, 400),
        ({"performed_at": "2100-01-31T08:00:00Z"}, 422),
        ({"test_type": ""}, 400),
    ],
)
def test_a_bad_check_is_refused(client_of, plant, change, status):
    own = factories.characteristic(plant.product)
    order = factories.work_order(plant, status="in_progress")
    body = {
        "work_order_id": str(order.pk),
        "test_type": "dimension",
        "measurements": [{"characteristic_id": "own", "value": "10"}],
    } | change
    if isinstance(body["measurements"], list):
        body["measurements"] = [
            row | ({"characteristic_id": str(own.pk)} if row.get("characteristic_id") == "own" else {})
            for row in body["measurements"]
        ]

    answer = client_of("inspector").post(CHECKS, body)

    assert answer.status_code == status, answer.json()
    assert not QualityCheck.objects.exists()


# --- Key figures ----------------------------------------------------------------------------------------


def test_key_figures_say_how_old_they_are_and_leave_unknown_ratios_empty(supervisor, plant):
    order = factories.work_order(plant, status="in_progress")
    report_quantity(job_order_id=factories.first_job(order).pk, good=Decimal(4))
    before = supervisor.get("/api/v1/kpi/").json()
    refresh_kpis()

    body = supervisor.get(f"/api/v1/kpi/?line={plant.line.line_code}").json()

    assert (before["refreshed_at"], before["is_stale"], before["results"]) == (None, True, [])
    assert body["is_stale"] is False
    day = body["results"][0]
    assert (day["good"], day["quality_rate"]) == ("4.0000", 100.0)
    assert day["on_time_delivery_rate"] is None
    assert {"total_work_orders", "completed_work_orders", "avg_oee", "total_quantity_produced"} <= set(day)


def test_key_figures_of_a_period(supervisor, plant):
    factories.work_order(plant, status="in_progress")
    refresh_kpis()
    today = supervisor.get("/api/v1/kpi/").json()["results"][0]["report_date"]
    later = (dt.date.fromisoformat(today) + dt.timedelta(days=1)).isoformat()

    assert supervisor.get(f"/api/v1/kpi/?start_date={today}&end_date={today}").json()["count"] >= 1
    assert supervisor.get(f"/api/v1/kpi/?start_date={later}").json()["count"] == 0
    assert supervisor.get(f"/api/v1/kpi/?line_id={NOBODY}").json()["count"] == 0
    assert supervisor.get(f"/api/v1/kpi/?start_date={later}&end_date={today}").status_code == 400
