"""The pages of work orders: list, CSV, forms, detail, steps and the signed release."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from audit import records
from audit.models import SecurityEvent, Signature
from production.models import OperationRun, WorkOrder
from production.services.job_orders import complete_job, report_quantity, start_job
from production.services.work_orders import hold_work_order, update_work_order
from tests import factories
from tests.pages import fragment
from tests.signing import filled

pytestmark = pytest.mark.django_db

LIST = "/orders/"


def address(name: str, order: WorkOrder) -> str:
    return reverse(f"production:work-order-{name}", args=[order.pk])


def late_order(plant, **values):
    now = timezone.now()
    return factories.work_order(
        plant,
        scheduled_start=now - dt.timedelta(hours=10),
        scheduled_end=now - dt.timedelta(hours=2, minutes=10),
        **values,
    )


# --- List ---------------------------------------------------------------------------------------------------


def test_late_and_held_orders_come_first(plant, signed_in):
    normal = factories.work_order(plant, status="in_progress")
    held = factories.work_order(plant, status="planned")
    hold_work_order(work_order_id=held.pk, reason="Tool missing")
    late = late_order(plant)

    page = signed_in("planner").get(LIST)

    rows = [row.number for row in page.context["rows"]]
    assert set(rows[:2]) == {late.work_order_number, held.work_order_number}
    assert rows[2] == normal.work_order_number
    assert "Late by 2 h 10" in page.content.decode()


def test_progress_counts_good_of_the_last_operation_and_scrap_of_all(plant, signed_in):
    order = factories.work_order(plant, status="in_progress", quantity="10")
    first = factories.first_job(order)
    report_quantity(job_order_id=first.pk, good=Decimal(9), scrap=Decimal(1), reason_id=plant.scrap_reason.pk)

    (row,) = signed_in("operator").get(LIST).context["rows"]

    assert (row.progress, row.scrap) == ("0 / 10", "1")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"WO-A", "WO-B"}),
        ("status=planned", {"WO-B"}),
        ("status=completed", set()),
        ("status=nonsense", {"WO-A", "WO-B"}),
        ("q=wo-a", {"WO-A"}),
        ("q=%00wo-a", {"WO-A"}),
        ("q=nothing", set()),
        ("line=not-a-uuid", {"WO-A", "WO-B"}),
        ("priority=high", {"WO-A"}),
        ("sort=-number", {"WO-A", "WO-B"}),
        ("sort=password", {"WO-A", "WO-B"}),
        ("page=-1", {"WO-A", "WO-B"}),
        ("page=9999", {"WO-A", "WO-B"}),
    ],
)
def test_filters_live_in_the_address(plant, signed_in, query, found):
    factories.work_order(plant, work_order_number="WO-A", priority=1)
    factories.work_order(plant, work_order_number="WO-B", status="planned")

    page = signed_in("operator").get(f"{LIST}?{query}")

    assert page.status_code == 200
    assert {row.number for row in page.context["rows"]} == found


def test_search_finds_finished_orders_and_products(plant, signed_in):
    order = factories.work_order(plant, status="planned")
    client = signed_in("supervisor")
    client.post(address("cancel", order), {"reason": "Customer gone"})

    by_number = client.get(LIST, {"q": order.work_order_number.lower()})
    by_product = client.get(LIST, {"q": plant.product.product_code})
    still_open = client.get(LIST)

    assert [row.status for row in by_number.context["rows"]] == ["cancelled"]
    assert [row.status for row in by_product.context["rows"]] == ["cancelled"]
    assert still_open.context["rows"] == []
    assert "No open orders" in still_open.content.decode()


def test_list_answers_htmx_with_its_changing_part(plant, signed_in):
    factories.work_order(plant)

    part = signed_in("operator").get(LIST, **fragment("orders"))

    assert "<html" not in part.content.decode()
    assert "HX-Request" in part["Vary"]


def test_search_form_pushes_the_short_address(plant, signed_in):
    client = signed_in("operator")

    found = client.get(f"{LIST}?q=wo&line=&priority=", **fragment("orders"), HTTP_HX_TRIGGER="order-filters")

    assert found["HX-Push-Url"] == "/orders/?q=wo"


def test_list_asks_the_same_number_of_queries_for_one_and_three_orders(
    plant, signed_in, django_assert_max_num_queries, django_assert_num_queries
):
    client = signed_in("operator")
    factories.work_order(plant, status="in_progress")
    with django_assert_max_num_queries(16) as one:
        client.get(LIST)
    factories.work_order(plant, status="released")
    factories.work_order(plant)
    with django_assert_num_queries(len(one)):
        client.get(LIST)


def test_csv_holds_the_filtered_orders_and_no_formula(plant, signed_in):
    records.update(plant.product, product_name="=HYPERLINK(1)", reason="A name as typed in by somebody")
    factories.work_order(plant, work_order_number="WO-A", quantity="10")
    factories.work_order(plant, work_order_number="WO-B", status="planned")

    answer = signed_in("operator").get("/orders.csv?status=created")

    lines = answer.content.decode("utf-8-sig").splitlines()
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert len(lines) == 2
    assert "WO-A" in lines[1]
    assert ",'=HYPERLINK(1)," in lines[1]
    assert "+09:00" in lines[1]  # plant time, with its offset


# --- New and edit -------------------------------------------------------------------------------------------


def entries(plant, **changes):
    return {
        "work_order_number": "WO-NEW-1",
        "product": str(plant.product.pk),
        "planned_quantity": "20",
        "priority": "5",
        "scheduled_start": "2026-12-01T08:00",
        "scheduled_end": "2026-12-01T16:00",
        "production_line": str(plant.line.pk),
    } | changes


def test_planner_creates_an_order_in_plant_time(plant, signed_in):
    answer = signed_in("planner").post("/orders/new/", entries(plant, manufacturing_parameters='{"speed": 120}'))

    order = WorkOrder.objects.get()
    assert answer.status_code == 302
    assert order.scheduled_start == dt.datetime(2026, 11, 30, 23, tzinfo=dt.UTC)
    assert order.manufacturing_parameters == {"speed": 120}
    assert order.created_by.username == "test-planner"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("planned_quantity", "0", "greater than 0"),
        ("planned_quantity", "many", "Enter a number."),
        ("work_order_number", "X-1", "starts with WO"),
        ("work_order_number", "WO-\x00", "Null characters are not allowed."),
        ("scheduled_end", "2026-12-01T07:00", "end must be after"),
        ("product", "01900000-0000-7000-8000-000000000000", "Select a valid choice"),
        ("manufacturing_parameters", "{speed: 120", "not valid JSON"),
        ("manufacturing_parameters", '{"a": NaN}', "not valid JSON"),
        ("manufacturing_parameters", '{"a": "\\u0000"}', "NUL"),
        ("priority", "99", "Select a valid choice"),
    ],
)
def test_wrong_entries_come_back_with_a_reason_and_create_nothing(plant, signed_in, field, value, said):
    answer = signed_in("planner").post("/orders/new/", entries(plant, **{field: value}))

    assert answer.status_code == 422
    assert said in answer.content.decode().replace("&#x27;", "'")
    assert not WorkOrder.objects.exists()


def test_duplicate_number_is_refused(plant, signed_in):
    factories.work_order(plant, work_order_number="WO-NEW-1")

    answer = signed_in("planner").post("/orders/new/", entries(plant))

    assert answer.status_code == 422
    assert "already exists" in answer.content.decode()
    assert WorkOrder.objects.count() == 1


def edit_entries(order, **changes):
    local = timezone.localtime(order.scheduled_start, factories.site().tz)
    until = timezone.localtime(order.scheduled_end, factories.site().tz)
    return {
        "version": order.version,
        "planned_quantity": "10",
        "priority": "5",
        "scheduled_start": f"{local:%Y-%m-%dT%H:%M}",
        "scheduled_end": f"{until:%Y-%m-%dT%H:%M}",
        "production_line": str(order.production_line_id),
    } | changes


def test_edit_saves_what_was_touched_and_leaves_seconds_alone(plant, signed_in):
    order = factories.work_order(plant)
    before = order.scheduled_start

    signed_in("planner").post(address("edit", order), edit_entries(order, planned_quantity="12", reason="More wanted"))

    order.refresh_from_db()
    assert order.planned_quantity == 12
    assert order.scheduled_start == before
    assert order.history.first().history_change_reason == "More wanted"


@pytest.mark.parametrize("reason", ["", "  ", ".", "ok"])
def test_an_edit_wants_a_reason_in_words(plant, signed_in, reason):
    order = factories.work_order(plant)
    client = signed_in("planner")
    opened = client.get(address("edit", order)).content.decode()

    answer = client.post(address("edit", order), edit_entries(order, planned_quantity="12", reason=reason))

    order.refresh_from_db()
    (field,) = re.findall(r'<input[^>]*name="reason"[^>]*>', opened)
    assert " required" in field
    assert answer.status_code == 422
    assert answer.context["form"].errors["reason"]
    assert 'value="12"' in answer.content.decode()
    assert (order.planned_quantity, order.version) == (10, 1)


def test_stale_edit_is_refused_and_keeps_what_was_typed(plant, signed_in):
    order = factories.work_order(plant)
    seen = edit_entries(order, planned_quantity="99", special_instructions="Mind the burr", reason="Burrs seen")
    update_work_order(work_order_id=order.pk, planned_quantity=Decimal(15), reason="More wanted")

    answer = signed_in("planner").post(address("edit", order), seen)

    order.refresh_from_db()
    text = answer.content.decode()
    assert answer.status_code == 409
    assert order.planned_quantity == 15
    assert 'value="99"' in text
    assert "Mind the burr" in text
    assert "Burrs seen" in text
    assert "Somebody else changed" in text
    assert [row["text"] for row in answer.context["now_saved"]] == ["15", "—"]


# --- Detail -------------------------------------------------------------------------------------------------


def test_detail_tells_steps_counts_and_edits(plant, signed_in):
    order = factories.work_order(plant, status="planned", quantity="10")
    update_work_order(work_order_id=order.pk, planned_quantity=Decimal(12), reason="More wanted")

    text = signed_in("supervisor").get(address("detail", order)).content.decode()

    assert "Planned" in text
    assert "<del>10</del>" in text
    assert "<ins>12</ins>" in text
    assert "More wanted" in text


def test_edits_are_shown_only_to_who_may_read_the_history(plant, signed_in):
    order = factories.work_order(plant, quantity="10")
    update_work_order(work_order_id=order.pk, planned_quantity=Decimal(12), reason="More wanted")

    text = signed_in("operator").get(address("detail", order)).content.decode()

    assert "<del>" not in text


def test_refused_steps_are_grey_and_say_why(plant, signed_in):
    order = factories.work_order(plant, status="in_progress")

    page = signed_in("supervisor").get(address("detail", order))

    buttons = {button.name: button.refused for button in page.context["buttons"]}
    assert buttons["hold"] == ""
    assert "10, 20" in buttons["complete"]
    assert "running" in buttons["cancel"]


def test_signature_says_when_the_content_differs_and_what_changed(plant, signed_in):
    order = factories.work_order(plant, status="released", quantity="10")
    client = signed_in("supervisor")
    matching = client.get(address("detail", order)).content.decode()
    update_work_order(work_order_id=order.pk, special_instructions="Use the new fixture", reason="It came today")

    text = client.get(address("detail", order)).content.decode()

    assert "The content matches what was signed." in matching
    assert "The content differs from what was signed." in text
    assert "<ins>Use the new fixture</ins>" in text
    assert "Released for production" in text


def test_detail_asks_the_same_number_of_queries_for_more_jobs_and_reports(plant, signed_in, django_assert_num_queries):
    client = signed_in("supervisor")
    small = factories.work_order(plant, status="in_progress")
    report_quantity(job_order_id=factories.first_job(small).pk, good=Decimal(1))
    busy_plant = factories.Plant(**vars(plant) | {"product": (product := factories.product())})
    busy_plant.line = factories.line()
    factories.routing(product, operations=4)
    busy = factories.work_order(busy_plant, status="in_progress")
    for _ in range(3):
        report_quantity(job_order_id=factories.first_job(busy).pk, good=Decimal(1))
    client.get(address("detail", small))  # content types and the like are remembered
    with django_assert_num_queries(25, exact=False) as one:
        client.get(address("detail", small))
    with django_assert_num_queries(len(one)):
        client.get(address("detail", busy))


def test_recorded_runs_are_shown_with_what_is_odd_about_them(plant, signed_in):
    order = factories.work_order(plant, status="in_progress")
    start = timezone.now() - dt.timedelta(hours=1)
    run = {"job_order": factories.first_job(order), "equipment": plant.machine, "source": "import"}
    with factories.arranging():
        OperationRun.objects.create(piece="1", started_at=start, ended_at=start, flags=[], **run)
        OperationRun.objects.create(piece="2", started_at=start, ended_at=timezone.now(), flags=["counter_jump"], **run)
    client = signed_in("operator")

    page = client.get(address("detail", order))
    runs = client.get(address("runs", order)).context["rows"]

    assert (page.context["runs"], page.context["odd_runs"]) == (2, 1)
    assert [(row["piece"], row["odd"]) for row in runs] == [("1", []), ("2", ["part counter jumped"])]


# --- Steps --------------------------------------------------------------------------------------------------


def test_plan_answers_with_the_new_state_and_a_second_click_changes_nothing(plant, signed_in):
    order = factories.work_order(plant)
    client = signed_in("planner")

    first = client.post(address("plan", order), **fragment("order"))
    second = client.post(address("plan", order), **fragment("order"))

    order.refresh_from_db()
    assert first.status_code == 200
    assert "genba:toast" in first["HX-Trigger"]
    assert second.status_code == 409
    assert "Possible now" in second.content.decode()
    assert order.status == "planned"
    assert order.job_orders.count() == 2


def test_hold_needs_a_reason(plant, signed_in):
    order = factories.work_order(plant, status="in_progress")
    client = signed_in("supervisor")

    without = client.post(address("hold", order), {"reason": "  "}, **fragment("modal-content"))
    with_reason = client.post(address("hold", order), {"reason": "Wrong steel"}, **fragment("modal-content"))

    order.refresh_from_db()
    assert without.status_code == 422
    assert with_reason.status_code == 204
    assert "genba:close-modal" in with_reason["HX-Trigger"]
    assert order.status == "on_hold"
    assert "Wrong steel" in client.get(address("detail", order)).content.decode()


def test_refused_step_in_a_dialog_is_a_409_with_the_reason(plant, signed_in):
    order = factories.work_order(plant, status="in_progress")

    answer = signed_in("supervisor").post(address("cancel", order), {"reason": "Gone"}, **fragment("modal-content"))

    order.refresh_from_db()
    assert answer.status_code == 409
    assert "is running" in answer.content.decode()
    assert order.status == "in_progress"


def test_steps_are_posts(plant, signed_in):
    order = factories.work_order(plant)

    assert signed_in("planner").get(address("plan", order)).status_code == 405


def test_order_completes_from_the_page(plant, signed_in):
    order = factories.work_order(plant, status="in_progress")
    client = signed_in("supervisor")
    assert client.post(address("complete", order), **fragment("order")).status_code == 409
    for job in order.job_orders.order_by("sequence"):
        if job.status == "waiting":
            start_job(job_order_id=job.pk)
        complete_job(job_order_id=job.pk)

    order.refresh_from_db()
    assert order.status == "completed"
    assert client.get(address("detail", order)).context["buttons"] == []


# --- Signed release -----------------------------------------------------------------------------------------


def sign(client, order, **changes):
    opened = client.get(address("release", order), **fragment("modal-content"))
    if opened.context["dialog"].form is None:
        return client.post(address("release", order), {}, **fragment("modal-content"))
    form = filled(opened, opened.wsgi_request.user, **changes)
    return client.post(address("release", order), form, **fragment("modal-content"))


def test_sign_dialog_shows_the_content_its_digest_and_the_signer(plant, signed_in):
    order = factories.work_order(plant, status="planned", quantity="10")

    page = signed_in("supervisor").get(address("release", order), **fragment("modal-content"))

    text = page.content.decode()
    assert page.status_code == 200
    digest = page.context["dialog"].digest
    assert digest in text
    assert order.work_order_number in text
    assert "Operation 1 · 30 s a piece" in text
    assert "Test supervisor" in text
    assert text.index(digest) < text.index('type="password"')


def test_release_is_signed_with_meaning_name_and_the_digest_that_was_shown(plant, signed_in):
    order = factories.work_order(plant, status="planned")

    answer = sign(signed_in("supervisor"), order, meaning="reviewed", comment="All there")

    order.refresh_from_db()
    signature = Signature.objects.get()
    assert answer.status_code == 204
    assert order.status == "released"
    assert (signature.signer_name, signature.signer_title) == ("Test supervisor", "Supervisor")
    assert (signature.meaning, signature.comment) == ("reviewed", "All there")


def test_wrong_password_is_counted_and_signs_nothing(plant, signed_in):
    order = factories.work_order(plant, status="planned")

    answer = sign(signed_in("supervisor"), order, password="wrong", comment="All there")

    order.refresh_from_db()
    assert answer.status_code == 422
    assert "attempt 1 of 5" in answer.content.decode()
    assert "All there" in answer.content.decode()
    assert "wrong" not in answer.content.decode().split('type="password"')[1][:200]
    assert SecurityEvent.objects.filter(kind="signing_failed").count() == 1
    assert (order.status, Signature.objects.count()) == ("planned", 0)


def test_content_changed_since_it_was_read_must_be_read_again(plant, signed_in):
    order = factories.work_order(plant, status="planned", quantity="10")
    client = signed_in("supervisor")
    opened = client.get(address("release", order), **fragment("modal-content"))
    update_work_order(work_order_id=order.pk, planned_quantity=Decimal(11), reason="More wanted")

    form = filled(opened, opened.wsgi_request.user, meaning="approved")
    answer = client.post(address("release", order), form, **fragment("modal-content"))

    order.refresh_from_db()
    assert answer.status_code == 409
    assert "content changed" in answer.content.decode()
    shown = answer.context["dialog"]
    assert shown.digest != opened.context["dialog"].digest
    assert shown.form.initial["digest"] == shown.digest
    assert shown.form.initial["meaning"] == "approved"
    assert SecurityEvent.objects.filter(kind="signing_failed").count() == 0
    assert (order.status, Signature.objects.count()) == ("planned", 0)


def test_released_order_cannot_be_signed_again(plant, signed_in):
    order = factories.work_order(plant, status="planned")
    client = signed_in("supervisor")
    sign(client, order)

    second = sign(client, order)

    assert second.status_code == 409
    assert Signature.objects.count() == 1


# --- Who may what, and in which language ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "name", "status"),
    [
        ("operator", "detail", 200),
        ("auditor", "detail", 200),
        ("planner", "edit", 200),
        ("operator", "edit", 403),
        ("auditor", "edit", 403),
        ("supervisor", "release", 200),
        ("qa_manager", "release", 200),
        ("planner", "release", 403),
        ("operator", "release", 403),
        ("operator", "hold", 403),
        ("inspector", "cancel", 403),
    ],
)
def test_pages_open_to_the_roles_that_may(plant, signed_in, role, name, status):
    order = factories.work_order(plant, status="planned")

    assert signed_in(role).get(address(name, order)).status_code == status


def test_forbidden_page_names_the_permission_and_who_has_it(plant, signed_in):
    order = factories.work_order(plant)

    answer = signed_in("operator").post(address("plan", order))

    order.refresh_from_db()
    assert answer.status_code == 403
    assert "Can plan a work order" in answer.content.decode()
    assert "Planner" in answer.content.decode()
    assert order.status == "created"


def test_anonymous_is_asked_to_sign_in_and_comes_back(plant, client):
    order = factories.work_order(plant)

    page = client.get(address("detail", order))
    part = client.get(address("detail", order), **fragment("order"), HTTP_HX_CURRENT_URL="/orders/?status=late")

    assert page.status_code == 302
    assert page["Location"].endswith(f"?next=/orders/{order.pk}/")
    assert part["HX-Redirect"].endswith("?next=/orders/%3Fstatus%3Dlate")


def test_unknown_order_is_not_found(plant, signed_in):
    assert signed_in("operator").get("/orders/01900000-0000-7000-8000-000000000000/").status_code == 404


@pytest.mark.parametrize("page", ["/orders/", "/orders/new/", "detail", "edit", "release", "cancel"])
def test_pages_render_in_japanese(plant, signed_in, page):
    order = factories.work_order(plant, status="planned")
    url = page if page.startswith("/") else address(page, order)

    answer = signed_in("supervisor").get(url, HTTP_ACCEPT_LANGUAGE="ja")

    assert answer.status_code == 200
    assert '<html lang="ja"' in answer.content.decode()


def test_forbidden_page_says_it_in_both_languages(plant, signed_in):
    text = signed_in("operator").get("/orders/new/").content.decode()

    assert "Roles that have it: Supervisor, Planner" in text
    assert "この権限を持つ役割: " in text.split("<hr>")[1]
    assert "生産計画担当" in text.split("<hr>")[1]
