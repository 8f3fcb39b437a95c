"""Work orders over HTTP: reading, creating, changing, stepping."""

import datetime as dt
from decimal import Decimal

import pytest

from audit.models import SecurityEvent, Signature
from production.models import JobOrder, QuantityReport, WorkOrder
from production.services.job_orders import complete_job, report_quantity, start_job
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

URL = "/api/v1/work-orders/"


SIGNATURE = {"username": "test-supervisor", "password": PASSWORD, "meaning": "released"}


def url(order: WorkOrder, step: str = "") -> str:
    return f"{URL}{order.pk}/" + (f"{step}/" if step else "")


# --- Create ---------------------------------------------------------------------------------------------


def test_an_order_is_created(planner, plant, new_order):
    answer = planner.post(URL, new_order)

    body = answer.json()
    order = WorkOrder.objects.get()
    assert answer.status_code == 201
    assert answer["Location"].endswith(f"/work-orders/{order.pk}")
    assert answer["ETag"] == '"1"'
    assert body["id"] == str(order.pk)
    assert body["status"] == "created"
    assert body["planned_quantity"] == "10.0000"
    assert body["quantity_planned"] == 10
    assert body["quantity_completed"] == 0
    assert body["line_id"] == body["production_line_id"] == str(plant.line.pk)
    assert body["scheduled_start"] == "2026-01-30T23:00:00Z"
    assert body["priority_label"] == "normal"
    assert order.created_by.username == "test-planner"


@pytest.mark.parametrize("address", ["/api/v1/production/work-orders", "/api/v1/work-orders", URL])
def test_the_addresses_and_names_of_the_source_document_work(planner, plant, new_order, address):
    body = new_order | {"quantity_planned": 12, "line_id": new_order["production_line_id"], "priority": "urgent"}
    del body["planned_quantity"], body["production_line_id"]

    answer = planner.post(address, body)

    assert answer.status_code == 201, answer.json()
    assert answer.json()["planned_quantity"] == "12.0000"
    assert answer.json()["priority"] == 1
    assert planner.get(address).json()["count"] == 1
    assert planner.get(f"{address.rstrip('/')}/{answer.json()['id']}").status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"scheduled_end": "2026-01-31T07:00:00+09:00"}, 422, "after the scheduled start"),
        ({"planned_quantity": "0"}, 422, "greater than 0"),
        ({"planned_quantity": "-1"}, 422, "greater than 0"),
        ({"work_order_number": "XX-1"}, 422, "starts with WO"),
        ({"priority": 11}, 422, "10"),
        ({"product_id": "00000000-0000-4000-8000-000000000000"}, 404, "product was not found"),
        ({"production_line_id": "00000000-0000-4000-8000-000000000000"}, 404, "line was not found"),
        ({"batch_id": "00000000-0000-4000-8000-000000000000"}, 404, "batch was not found"),
        ({"scheduled_start": "2026-01-31T08:00:00"}, 400, "needs its zone"),
        ({"scheduled_start": "2026-01-31"}, 400, "needs its zone"),
        ({"scheduled_start": "tomorrow"}, 400, "date, time and zone"),
        ({"scheduled_start": 5}, 400, "date, time and zone"),
        ({"scheduled_start": "9999-12-31T23:59:59-12:00"}, 400, "between 1970 and 2200"),
        ({"planned_quantity": "ten"}, 400, "valid number"),
        ({"planned_quantity": True}, 400, "valid number"),
        ({"planned_quantity": "1.00001"}, 400, "4 decimal places"),
        ({"planned_quantity": "123456789012"}, 400, "8 digits before the decimal point"),
        ({"product_id": 7}, 400, "UUID"),
        ({"work_order_number": ["WO"]}, 400, "Not a valid string"),
        ({"work_order_number": "WO-" + "1" * 50}, 400, "50 characters"),
        ({"work_order_number": "WO\u0000"}, 400, "Null characters"),
        ({"special_instructions": "a\u0000b"}, 400, "Null characters"),
        ({"manufacturing_parameters": {"a": ["\u0000"]}}, 400, "NUL"),
        ({"priority": "soon"}, 400, "urgent, high, normal, low"),
        ({"planed_quantity": "10"}, 400, "Unknown or read-only"),
        ({"status": "completed"}, 400, "Unknown or read-only"),
        ({"actual_start": "2026-01-31T08:00:00Z"}, 400, "Unknown or read-only"),
        ({"quantity_planned": "11"}, 400, "Contradicts"),
    ],
)
def test_a_bad_order_is_refused_and_nothing_is_made(planner, new_order, change, status, word):
    answer = planner.post(URL, new_order | change)

    problem = answer.json()
    assert answer.status_code == status, problem
    assert answer["Content-Type"] == "application/problem+json"
    assert word in problem["detail"]
    assert problem["request_id"] == answer["X-Request-ID"]
    assert not WorkOrder.objects.exists()


def test_a_missing_quantity_is_named(planner, new_order):
    del new_order["planned_quantity"], new_order["product_id"]

    problem = planner.post(URL, new_order).json()

    assert problem["status"] == 400
    assert set(problem["errors"]) == {"product_id"}
    problem = planner.post(URL, new_order | {"product_id": "00000000-0000-4000-8000-000000000000"}).json()
    assert set(problem["errors"]) == {"planned_quantity"}


def test_emoji_and_line_breaks_are_text_like_any_other(planner, new_order):
    answer = planner.post(URL, new_order | {"special_instructions": "  careful 🧪\n部品", "work_order_number": "WO-🧪"})

    assert answer.status_code == 201
    assert answer.json()["special_instructions"] == "  careful 🧪\n部品"
    assert WorkOrder.objects.get().work_order_number == "WO-🧪"


def test_a_number_that_is_taken_is_a_conflict(planner, new_order):
    planner.post(URL, new_order)

    answer = planner.post(URL, new_order)

    assert answer.status_code == 409
    assert answer.json()["code"] == "integrity_error"
    assert "already exists" in answer.json()["detail"]
    assert WorkOrder.objects.count() == 1


def test_json_that_a_column_could_not_hold_is_refused(planner, new_order):
    deep: list = []
    for _ in range(30):
        deep = [deep]

    answer = planner.post(URL, new_order | {"quality_requirements": deep})

    assert answer.status_code == 400
    assert "levels of nesting" in answer.json()["detail"]


# --- Read -----------------------------------------------------------------------------------------------


def test_one_order_says_what_can_be_done_with_it(supervisor, plant):
    order = factories.work_order(plant, status="planned")

    answer = supervisor.get(url(order))

    steps = {step["name"]: step["refusal"] for step in answer.json()["allowed_steps"]}
    assert answer["ETag"] == f'"{order.version}"'
    assert steps == {"release": None, "hold": None, "cancel": None}
    assert [job["sequence"] for job in answer.json()["job_orders"]] == [10, 20]
    assert answer.json()["created_by"] == "Test admin"


def test_a_step_the_role_may_not_take_says_why(operator, plant):
    order = factories.work_order(plant, status="planned")

    steps = operator.get(url(order)).json()["allowed_steps"]

    signature = {
        "number": 1,
        "of": 1,
        "meanings": ["released", "reviewed", "approved"],
        "roles": ["supervisor", "qa_manager"],
    }
    release = {"name": "release", "label": "Release", "refusal": "Your role may not do this.", "signature": signature}
    assert release in steps


@pytest.mark.parametrize("key", ["00000000-0000-4000-8000-000000000000", "7", "not-a-key", "../x"])
def test_an_unknown_order_is_not_found(planner, plant, key):
    answer = planner.get(f"{URL}{key}/")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", ["WO-C", "WO-B", "WO-A"]),
        ("ordering=work_order_number", ["WO-A", "WO-B", "WO-C"]),
        ("ordering=-priority,work_order_number", ["WO-C", "WO-A", "WO-B"]),
        ("status=planned", ["WO-B"]),
        ("status=PLANNED,created", ["WO-C", "WO-B", "WO-A"]),
        ("status_filter=IN_PROGRESS", []),
        ("start_date=2026-03-02&end_date=2026-03-02", ["WO-B"]),
        ("start_date=2026-03-02", ["WO-C", "WO-B"]),
        ("start_date=2026-03-04", ["WO-C"]),
        ("end_date=2026-03-01", ["WO-A"]),
        ("q=wo-a", ["WO-A"]),
        ("q=%F0%9F%A7%AA", []),
        ("work_order_number=WO-B", ["WO-B"]),
        ("priority=8", ["WO-C"]),
        ("limit=1", ["WO-C"]),
        ("limit=1&offset=1", ["WO-B"]),
        ("limit=1000&offset=1000000", []),
        ("line=NOWHERE", []),
    ],
)
def test_the_list_is_filtered_and_ordered(planner, plant, query, numbers):
    _three_orders(plant)

    answer = planner.get(f"{URL}?{query}")

    assert answer.status_code == 200, answer.json()
    assert [row["work_order_number"] for row in answer.json()["results"]] == numbers


def _three_orders(plant: factories.Plant) -> None:
    """One a day in plant time (Tokyo): A on 1 March, B over midnight into 3 March 00:00 exactly, C on 3 and 4 March."""
    tokyo = dt.timezone(dt.timedelta(hours=9))

    def at(day: int, hour: int) -> dt.datetime:
        return dt.datetime(2026, 3, day, hour, tzinfo=tokyo)

    factories.work_order(plant, work_order_number="WO-A", scheduled_start=at(1, 8), scheduled_end=at(1, 23))
    factories.work_order(
        plant, status="planned", work_order_number="WO-B", scheduled_start=at(2, 0), scheduled_end=at(3, 0)
    )
    factories.work_order(plant, work_order_number="WO-C", scheduled_start=at(3, 0), scheduled_end=at(4, 1), priority=8)


@pytest.mark.parametrize(
    ("query", "field", "word"),
    [
        ("status=running", "status", "in_progress"),
        ("limit=0", "limit", "1 to 1000"),
        ("limit=-1", "limit", "1 to 1000"),
        ("limit=1001", "limit", "1 to 1000"),
        ("limit=ten", "limit", "1 to 1000"),
        ("limit=", "limit", "1 to 1000"),
        ("offset=-1", "offset", "0 to"),
        ("offset=99999999999999999999", "offset", "0 to"),
        ("page=-1", "page", "limit"),
        ("ordering=password", "ordering", "scheduled_start"),
        ("ordering=product__created_by", "ordering", "scheduled_start"),
        ("start_date=yesterday", "start_date", "date"),
        ("start_date=2026-03-02&end_date=2026-03-01", "end_date", "before the start"),
        ("line_id=7", "line_id", "UUID"),
        ("priority=0", "priority", "1"),
        ("q=%00", "q", "Null"),
    ],
)
def test_a_query_that_means_nothing_is_refused(planner, plant, query, field, word):
    answer = planner.get(f"{URL}?{query}")

    assert answer.status_code == 400, answer.json()
    assert word in " ".join(answer.json()["errors"][field])


def test_line_filters_take_the_key_or_the_code(planner, plant):
    factories.work_order(plant)
    other = factories.line("OTHER")
    factories.work_order(plant, production_line_id=other.pk, work_order_number="WO-OTHER")

    by_key = planner.get(f"{URL}?line_id={other.pk}").json()
    by_code = planner.get(f"{URL}?line=OTHER").json()

    assert [row["work_order_number"] for row in by_key["results"]] == ["WO-OTHER"]
    assert by_code["results"] == by_key["results"]


def test_active_orders(planner, plant, now):
    late = {"scheduled_start": now - dt.timedelta(days=3), "scheduled_end": now - dt.timedelta(days=2)}
    factories.work_order(plant, status="in_progress", work_order_number="WO-RUNNING", **late)
    factories.work_order(plant, status="planned", work_order_number="WO-LATE", **late)
    factories.work_order(plant, status="released", work_order_number="WO-READY")
    factories.work_order(plant, work_order_number="WO-NEW")

    rows = planner.get(f"{URL}active/").json()["results"]
    released = planner.get(f"{URL}active/?status=RELEASED&line_id={plant.line.pk}").json()["results"]

    assert {row["work_order_number"]: row["is_overdue"] for row in rows} == {
        "WO-RUNNING": True,
        "WO-LATE": True,
        "WO-READY": False,
    }
    assert [row["work_order_number"] for row in released] == ["WO-READY"]
    assert planner.get(f"{URL}active/?status=nonsense").status_code == 400


def test_history_and_signatures(client_of, plant):
    order = factories.work_order(plant, status="in_progress")
    auditor = client_of("auditor")

    signatures = auditor.get(url(order, "signatures")).json()
    history = auditor.get(url(order, "history")).json()

    assert [(s["signer_name"], s["meaning"], s["content_matches"]) for s in signatures] == [
        ("Test releaser", "released", True)
    ]
    own = [c["step"] for c in history["state_changes"] if c["record"] == "production.workorder"]
    assert own == ["plan", "release", "start"]
    assert [v["status"] for v in history["versions"]] == ["created", "planned", "released", "in_progress"]
    assert history["versions"][0]["by"] == "Test admin"


def test_a_signature_tells_when_the_order_changed_afterwards(client_of, planner, plant):
    order = factories.work_order(plant, status="released")

    planner.patch(url(order), {"priority": 1, "reason": "More urgent"})

    assert client_of("auditor").get(url(order, "signatures")).json()[0]["content_matches"] is False


@pytest.mark.parametrize(
    ("step", "permission"),
    [("signatures", "audit.view_signature"), ("history", "production.view_historicalworkorder")],
)
def test_evidence_is_not_for_everyone(operator, plant, step, permission):
    order = factories.work_order(plant)

    answer = operator.get(url(order, step))

    assert answer.status_code == 403
    assert answer.json()["permission"] == permission


# --- Change ---------------------------------------------------------------------------------------------


def test_a_patch_changes_what_it_names(planner, plant):
    order = factories.work_order(plant, quantity="10")

    answer = planner.patch(url(order), {"quantity_planned": 15, "priority": "high", "reason": "More wanted"})

    order.refresh_from_db()
    assert answer.status_code == 200
    assert answer["ETag"] == '"2"'
    assert (order.planned_quantity, order.priority, order.production_line_id) == (15, 3, plant.line.pk)
    assert order.history.latest().history_change_reason == "More wanted"


@pytest.mark.parametrize("method", ["patch", "put"])
@pytest.mark.parametrize("reason", [{}, {"reason": ""}, {"reason": "."}, {"reason": "n/a"}])
def test_a_changed_field_wants_a_reason_in_words(planner, plant, method, reason):
    order = factories.work_order(plant)
    body = planner.get(url(order)).json() if method == "put" else {}

    answer = getattr(planner, method)(url(order), body | {"priority": 1} | reason)

    assert answer.status_code == 422
    assert answer.json()["code"] == "reason_required"
    assert answer.json()["title"] == "Reason required"
    assert answer.json()["errors"]["reason"]
    assert WorkOrder.objects.get().version == 1


def test_a_put_replaces_everything(planner, plant, new_order):
    order = factories.work_order(plant, special_instructions="old", priority=1)
    body = new_order | {"work_order_number": order.work_order_number, "reason": "Planned anew"}
    del body["production_line_id"]

    answer = planner.put(url(order), body)

    order.refresh_from_db()
    assert answer.status_code == 200, answer.json()
    assert (order.special_instructions, order.priority, order.production_line_id) == (None, 5, None)
    assert planner.put(url(order), {"planned_quantity": "5"}).status_code == 400


def test_what_was_read_can_be_put_back(planner, plant):
    order = factories.work_order(plant, status="in_progress")
    report_quantity(job_order_id=factories.first_job(order).pk, good=Decimal(3))
    read = planner.get(url(order)).json()

    unchanged = planner.put(url(order), read)
    changed = planner.put(url(order), read | {"planned_quantity": "12.0000", "reason": "More wanted"})
    contradicting = planner.put(
        url(order), read | {"planned_quantity": "13", "quantity_planned": 14, "version": changed.json()["version"]}
    )

    assert unchanged.status_code == 200, unchanged.json()
    assert unchanged.json()["version"] == read["version"]
    assert changed.json()["quantity_planned"] == 12
    assert contradicting.status_code == 400


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"work_order_number": "WO-OTHER"}, 422, "cannot be set"),
        ({"actual_start": "2026-01-31T08:00:00Z"}, 422, "cannot be set"),
        ({"actual_end": "2026-01-31T08:00:00Z"}, 422, "cannot be set"),
        ({"product_id": "00000000-0000-4000-8000-000000000000"}, 422, "cannot be set"),
        ({"scheduled_end": "2020-01-01T00:00:00Z"}, 422, "after the scheduled start"),
        ({"planned_quantity": 0}, 422, "greater than 0"),
        ({"quantity_completed": -1}, 422, "0 or more"),
        ({"no_such_field": 1}, 400, "Unknown"),
        ({"version": 0}, 400, "1"),
        ([1], 400, "JSON object"),
        ("text", 400, "JSON object"),
    ],
)
def test_a_bad_change_is_refused(planner, plant, change, status, word):
    order = factories.work_order(plant)

    answer = planner.patch(url(order), change)

    assert answer.status_code == status, answer.json()
    assert word in answer.json()["detail"]
    assert WorkOrder.objects.get().version == 1


@pytest.mark.parametrize("method", ["patch", "put"])
def test_a_stale_version_is_refused(planner, plant, method):
    order = factories.work_order(plant)
    read = planner.get(url(order)).json()
    planner.patch(url(order), {"priority": 1, "reason": "More urgent"})

    by_header = getattr(planner, method)(
        url(order), read | {"uom": "kg", "reason": "Sold by weight"}, headers={"If-Match": '"1"'}
    )
    by_body = getattr(planner, method)(url(order), read | {"uom": "kg", "reason": "Sold by weight"})

    assert (by_header.status_code, by_body.status_code) == (412, 409)
    assert by_header.json()["code"] == by_body.json()["code"] == "stale_version"
    assert by_body.json()["version"] == 2
    assert WorkOrder.objects.get().uom == "pcs"


@pytest.mark.parametrize(("tag", "status"), [('"1"', 200), ('W/"1"', 200), ("*", 200), ("1", 400), ('"1", "2"', 400)])
def test_if_match_takes_one_version(planner, plant, tag, status):
    order = factories.work_order(plant)

    change = {"priority": 1, "reason": "More urgent"}

    assert planner.patch(url(order), change, headers={"If-Match": tag}).status_code == status


def test_a_completed_quantity_is_reported_on_the_last_operation(client_of, plant):
    order = factories.work_order(plant, status="in_progress", quantity="10")
    first, last = order.job_orders.order_by("sequence")
    erp = client_of("integration")

    too_early = erp.patch(url(order), {"quantity_completed": 4})
    report_quantity(job_order_id=first.pk, good=Decimal(10))
    complete_job(job_order_id=first.pk)
    start_job(job_order_id=last.pk)
    once = erp.patch(url(order), {"quantity_completed": 4})
    again = erp.patch(url(order), {"quantity_completed": 4})
    more = erp.patch(url(order), {"actual_quantity": "10"})
    fewer = erp.patch(url(order), {"quantity_completed": 9})
    above = erp.patch(url(order), {"quantity_completed": 11})

    assert too_early.status_code == 409
    assert [a.json()["quantity_completed"] for a in (once, again, more)] == [4, 4, 10]
    assert list(QuantityReport.objects.filter(job_order=last).order_by("id").values_list("good", flat=True)) == [4, 6]
    assert fewer.status_code == 422
    assert "smaller" in fewer.json()["detail"]
    assert above.status_code == 422
    assert "At most 0 more" in above.json()["detail"]


def test_a_completed_quantity_without_operations_is_refused(supervisor, plant):
    order = factories.work_order(plant)

    answer = supervisor.patch(url(order), {"quantity_completed": 1})

    assert answer.status_code == 409
    assert answer.json()["allowed"] == ["plan", "cancel"]


def test_one_patch_is_whole_or_not_at_all(supervisor, plant):
    order = factories.work_order(plant)

    answer = supervisor.patch(url(order), {"priority": 1, "status": "completed", "reason": "More urgent"})

    assert answer.status_code == 409
    assert WorkOrder.objects.get().priority == 5


@pytest.mark.parametrize(
    ("status", "wanted", "reached"),
    [
        ("created", {"status": "planned"}, "planned"),
        ("created", {"status": "PLANNED"}, "planned"),
        ("planned", {"status": "on_hold", "reason": "paint missing"}, "on_hold"),
        ("planned", {"status": "planned"}, "planned"),
        ("planned", {"status": "CANCELLED", "reason": "no longer wanted"}, "cancelled"),
    ],
)
def test_a_status_is_reached_by_its_step(supervisor, plant, status, wanted, reached):
    order = factories.work_order(plant, status=status)

    answer = supervisor.patch(url(order), wanted)

    assert answer.status_code == 200, answer.json()
    assert answer.json()["status"] == reached


def test_a_hold_ends_at_the_status_before(supervisor, plant):
    order = factories.work_order(plant, status="released")
    supervisor.patch(url(order), {"status": "on_hold", "reason": "paint missing"})

    elsewhere = supervisor.patch(url(order), {"status": "in_progress"})
    back = supervisor.patch(url(order), {"status": "released"})

    assert elsewhere.status_code == 409
    assert elsewhere.json()["allowed_statuses"] == ["cancelled", "released"]
    assert back.json()["status"] == "released"


@pytest.mark.parametrize(
    ("status", "wanted", "answer_status", "allowed"),
    [
        ("created", "completed", 409, ["plan", "cancel"]),
        ("created", "no_such_status", 409, ["plan", "cancel"]),
        ("planned", "created", 409, ["release", "hold", "cancel"]),
        ("released", "in_progress", 409, ["start", "hold", "cancel"]),
        ("planned", "released", 422, None),
    ],
)
def test_a_status_no_step_leads_to_is_refused(supervisor, plant, status, wanted, answer_status, allowed):
    order = factories.work_order(plant, status=status)

    answer = supervisor.patch(url(order), {"status": wanted})

    assert answer.status_code == answer_status
    assert answer.json().get("allowed") == allowed
    assert WorkOrder.objects.get().status == status


# --- Steps ----------------------------------------------------------------------------------------------


def test_an_order_goes_all_the_way_over_the_api(planner, supervisor, operator, plant, new_order):
    created = planner.post(URL, new_order).json()
    address = f"{URL}{created['id']}/"

    planned = planner.post(f"{address}plan/")
    released = supervisor.post(f"{address}release/", SIGNATURE | {"comment": "go"})
    for job in released.json()["job_orders"]:
        job_url = f"/api/v1/job-orders/{job['id']}/"
        assert operator.post(f"{job_url}start/").json()["status"] == "running"
        counted = operator.post("/api/v1/quantity-reports/", {"job_order_id": job["id"], "good": 10})
        assert counted.status_code == 201, counted.json()
        completed = operator.post(f"{job_url}complete/")
        assert completed.json()["status"] == "completed"

    assert planned.json()["status"] == "planned"
    assert released.json()["status"] == "released"
    done = planner.get(address).json()
    assert (done["status"], done["quantity_completed"]) == ("completed", 10)
    assert done["actual_start"] <= done["actual_end"]
    assert Signature.objects.get().comment == "go"
    assert JobOrder.objects.filter(status="completed").count() == 2


def test_a_wrong_password_signs_nothing_and_is_counted(supervisor, plant):
    order = factories.work_order(plant, status="planned")

    answer = supervisor.post(url(order, "release"), SIGNATURE | {"password": "wrong"})

    assert answer.status_code == 422
    assert answer.json()["code"] == "signature_refused"
    assert "attempt 1 of 5" in answer.json()["detail"]
    assert SecurityEvent.objects.filter(kind="signing_failed").count() == 1
    assert WorkOrder.objects.get().status == "planned"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"password": PASSWORD, "meaning": "released"}, 400),  # a program has no series: the name as well
        ({"username": "test-supervisor", "password": PASSWORD}, 400),
        ({"username": "test-supervisor", "meaning": "released"}, 400),
        (SIGNATURE | {"meaning": "because"}, 400),
        (SIGNATURE | {"version": 1}, 409),
        (SIGNATURE | {"password": "a\u0000"}, 400),
    ],
)
def test_an_incomplete_signature_is_refused(supervisor, plant, body, status):
    order = factories.work_order(plant, status="planned")

    assert supervisor.post(url(order, "release"), body).status_code == status
    assert not Signature.objects.exists()


def test_who_may_not_sign_is_not_asked_for_a_password(operator, plant):
    order = factories.work_order(plant, status="planned")

    answer = operator.post(url(order, "release"), SIGNATURE | {"password": "wrong"})

    assert answer.status_code == 403
    assert answer.json()["permission"] == "production.release_workorder"
    assert not SecurityEvent.objects.filter(kind="signing_failed").exists()


def test_the_second_click_on_a_step_is_refused_with_what_is_possible(planner, plant):
    order = factories.work_order(plant)
    planner.post(url(order, "plan"))

    answer = planner.post(url(order, "plan"))

    assert answer.status_code == 409
    assert answer.json()["code"] == "transition_refused"
    assert answer.json()["allowed"] == ["release", "hold", "cancel"]
    assert JobOrder.objects.count() == 2


def test_hold_resume_cancel(supervisor, plant):
    order = factories.work_order(plant, status="planned")

    without_reason = supervisor.post(url(order, "hold"))
    held = supervisor.post(url(order, "hold"), {"reason": "paint missing"})
    resumed = supervisor.post(url(order, "resume"))
    stale = supervisor.post(url(order, "cancel"), {"reason": "done"}, headers={"If-Match": '"1"'})
    cancelled = supervisor.post(url(order, "cancel"), {"reason": "no longer wanted"})
    completed = supervisor.post(url(order, "complete"))

    assert without_reason.status_code == 422
    assert "reason" in without_reason.json()["errors"]
    assert [a.json()["status"] for a in (held, resumed, cancelled)] == ["on_hold", "planned", "cancelled"]
    assert stale.status_code == 412
    assert completed.status_code == 409
    assert completed.json()["allowed"] == []


def test_a_final_order_takes_no_change(planner, plant):
    order = factories.work_order(plant)
    planner.post(url(order, "cancel"), {"reason": "no longer wanted"})

    answer = planner.patch(url(order), {"priority": 1})

    assert answer.status_code == 422
    assert "can no longer be changed" in answer.json()["detail"]


def test_there_is_no_delete(planner, plant):
    order = factories.work_order(plant)

    answer = planner.delete(url(order))

    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
