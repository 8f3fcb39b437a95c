"""Saving in the admin: one service call, the version the person saw, refusals beside what was typed."""

import pytest
from django.urls import reverse

from audit import records
from equipment.models import ProductionLine
from inventory.models import Material
from production.models import Batch, Routing, RoutingOperation, Shift, WorkOrder
from quality.models import Characteristic
from tests import factories

pytestmark = pytest.mark.django_db

MATERIAL = {
    "product_code": "GEAR",
    "product_name": "Gear",
    "product_type": "finished",
    "product_version": "1.0",
    "uom": "pcs",
    "is_active": "on",
    "standard_cycle_time": "",
    "target_yield_rate": "95",
    "overproduction_tolerance": "0",
}


def change(record):
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])


@pytest.fixture
def planner(client, user_of):
    client.force_login(user_of("planner"))
    return client


def material_form(material, **changed):
    fields = {name: getattr(material, name) for name in MATERIAL}
    fields = {name: "" if value is None else value for name, value in fields.items()}
    return fields | {"seen_version": material.version, "change_reason": "New drawing"} | changed


def test_a_new_record_is_attributed_to_the_person_and_the_door(planner, user_of):
    response = planner.post("/admin/inventory/material/add/", MATERIAL)

    material = Material.objects.get(product_code="GEAR")
    assert response.status_code == 302
    assert material.created_by == user_of("planner")
    assert material.history.get().history_user == user_of("planner")


def test_a_change_is_the_next_version_with_its_reason(planner, as_admin):
    material = factories.product()

    planner.post(change(material), material_form(material, product_name="Better"))

    material.refresh_from_db()
    assert (material.product_name, material.version) == ("Better", 2)
    assert material.history.latest().history_change_reason == "New drawing"


@pytest.mark.parametrize("reason", ["", "  ", ".", "ok"])
def test_a_change_wants_a_reason_in_words(planner, as_admin, reason):
    material = factories.product()

    response = planner.post(change(material), material_form(material, product_name="Better", change_reason=reason))

    material.refresh_from_db()
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["change_reason"]
    assert 'value="Better"' in response.content.decode()
    assert (material.product_name == "Better", material.version) == (False, 1)


def test_an_unchanged_save_makes_no_version(planner, as_admin):
    material = factories.product()

    planner.post(change(material), material_form(material))

    material.refresh_from_db()
    assert (material.version, material.history.count()) == (1, 1)


def test_a_stale_version_is_refused_and_what_was_typed_is_still_there(planner, as_admin):
    material = factories.product()
    form = material_form(material, product_name="Mine")
    records.update(material, product_name="Theirs", reason="Another drawing")

    response = planner.post(change(material), form)
    again = planner.post(change(material), form)

    material.refresh_from_db()
    assert (material.product_name, material.version) == ("Theirs", 2)
    for answer in (response, again):
        assert answer.status_code == 200
        assert "Somebody else changed this record" in answer.content.decode()
        assert 'value="Mine"' in answer.content.decode()


def test_a_form_that_names_no_version_is_refused(planner, as_admin):
    material = factories.product()

    response = planner.post(change(material), material_form(material, seen_version="", product_name="Mine"))

    material.refresh_from_db()
    assert response.status_code == 200
    assert material.version == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"target_yield_rate": "101"}, "The target yield is a percentage between 0 and 100."),
        ({"standard_cycle_time": "0"}, "The standard cycle time must be greater than 0."),
        ({"product_name": ""}, "This field is required."),
        ({"product_name": "a\x00b"}, "Null characters are not allowed."),
        ({"target_yield_rate": "NaN"}, "Enter a number."),
    ],
)
def test_a_broken_rule_is_said_in_the_form(planner, as_admin, changed, said):
    material = factories.product()

    response = planner.post(change(material), material_form(material, **changed))

    material.refresh_from_db()
    assert response.status_code == 200
    assert said in response.content.decode()
    assert material.version == 1


def test_a_taken_code_is_said_in_the_form(planner, as_admin):
    factories.product("GEAR")

    response = planner.post("/admin/inventory/material/add/", MATERIAL)

    assert response.status_code == 200
    assert Material.objects.filter(product_code="GEAR").count() == 1


def test_the_database_has_the_last_word_in_a_race(planner, as_admin, monkeypatch):
    """The form saw no rival; the service meets it. Its refusal comes back into the form, not as an error page."""
    factories.product("GEAR")
    monkeypatch.setattr("django.forms.models.BaseModelForm.validate_unique", lambda form: None)

    response = planner.post("/admin/inventory/material/add/", MATERIAL)

    assert response.status_code == 200
    assert "already exists" in response.content.decode()


class TestWorkOrder:
    def form(self, plant, **changed):
        return {
            "work_order_number": "WO-ADMIN-1",
            "product": plant.product.pk,
            "production_line": plant.line.pk,
            "batch": "",
            "planned_quantity": "12",
            "uom": "pcs",
            "priority": "5",
            "scheduled_start_0": "2026-05-01",
            "scheduled_start_1": "08:00:00",
            "scheduled_end_0": "2026-05-01",
            "scheduled_end_1": "16:00:00",
            "manufacturing_parameters": '{"speed": 120}',
            "quality_requirements": "",
            "special_instructions": "",
            "change_reason": "Another line is free",
        } | changed

    def test_it_is_made_by_its_service_in_plant_time(self, planner, plant):
        response = planner.post("/admin/production/workorder/add/", self.form(plant))

        order = WorkOrder.objects.get(work_order_number="WO-ADMIN-1")
        assert response.status_code == 302
        assert order.status == "created"
        assert order.scheduled_start.isoformat() == "2026-04-30T23:00:00+00:00"
        assert order.manufacturing_parameters == {"speed": 120}
        assert order.quality_requirements is None
        assert order.data_integrity_hash

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"work_order_number": "X-1"}, "starts with WO"),
            ({"planned_quantity": "0"}, "greater than 0"),
            ({"planned_quantity": "-3"}, "greater than 0"),
            ({"scheduled_end_0": "2026-04-01"}, "after the scheduled start"),
            ({"priority": "11"}, "less than or equal to 10"),
            ({"manufacturing_parameters": "{broken"}, "not valid JSON"),
            ({"product": "00000000-0000-7000-8000-000000000000"}, "valid choice"),
        ],
    )
    def test_bad_input_is_said_in_the_form(self, planner, plant, changed, said):
        response = planner.post("/admin/production/workorder/add/", self.form(plant, **changed))

        assert response.status_code == 200
        assert said in response.content.decode()
        assert not WorkOrder.objects.exists()

    def test_a_rule_only_the_service_knows_comes_back_into_the_form(self, planner, plant):
        records.update(plant.product, is_active=False, reason="No longer made")

        response = planner.post("/admin/production/workorder/add/", self.form(plant))

        assert response.status_code == 200
        assert "Not active." in response.content.decode()

    def test_a_change_of_the_line_moves_the_waiting_jobs(self, planner, plant):
        order, line = factories.work_order(plant, status="planned"), factories.line()
        form = self.form(plant, production_line=line.pk, seen_version=order.version, planned_quantity="12")

        assert planner.post(change(order), form).status_code == 302

        assert set(order.job_orders.values_list("production_line", flat=True)) == {line.pk}
        order.refresh_from_db()
        assert (order.planned_quantity, order.status) == (12, "planned")

    def test_a_final_order_is_closed(self, planner, plant):
        from production.services.work_orders import cancel_work_order

        order = factories.work_order(plant)
        cancel_work_order(work_order_id=order.pk, reason="Not needed")

        assert 'name="_save"' not in planner.get(change(order)).content.decode()
        assert planner.post(change(order), self.form(plant, seen_version=2)).status_code == 403

    def test_status_and_number_cannot_be_set_by_hand(self, planner, plant):
        order = factories.work_order(plant, status="planned")
        form = self.form(plant, seen_version=order.version, status="completed", work_order_number="WO-OTHER")

        planner.post(change(order), form)

        order.refresh_from_db()
        assert order.status == "planned"
        assert order.work_order_number != "WO-OTHER"


class TestRoutingWithOperations:
    def form(self, product, rows, *, initial=0, **changed):
        management = {"operations-TOTAL_FORMS": len(rows), "operations-INITIAL_FORMS": initial}
        cells = {f"operations-{n}-{name}": value for n, row in enumerate(rows) for name, value in row.items()}
        routing = {"product": product.pk, "revision": "A", "is_active": "on", "change_reason": "The drill is new"}
        return routing | management | cells | changed

    def row(self, sequence, **values):
        return {
            "sequence": sequence,
            "name": f"Step {sequence}",
            "run_time_seconds": "30",
            "setup_time_seconds": "0",
        } | values

    def test_all_of_it_is_made_at_once(self, planner, as_admin, user_of):
        product = factories.product()

        planner.post("/admin/production/routing/add/", self.form(product, [self.row(10), self.row(20)]))

        routing = Routing.objects.get(product=product)
        assert list(routing.operations.order_by("sequence").values_list("sequence", flat=True)) == [10, 20]
        assert routing.operations.first().created_by == user_of("planner")

    def test_one_bad_row_leaves_nothing_behind(self, planner, as_admin):
        product = factories.product()

        response = planner.post(
            "/admin/production/routing/add/", self.form(product, [self.row(10), self.row(20, run_time_seconds="0")])
        )

        assert response.status_code == 200
        assert "must be greater than 0" in response.content.decode()
        assert not Routing.objects.exists()

    def test_a_changed_and_a_new_row_are_versions_of_their_own(self, planner, as_admin):
        routing = factories.routing(factories.product(), operations=1)
        old = routing.operations.get()
        rows = [
            self.row(10, id=old.pk, routing=routing.pk, seen_version=1, name="Drill"),
            self.row(20, id="", routing=routing.pk),
        ]

        planner.post(change(routing), self.form(routing.product, rows, initial=1, seen_version=1))

        old.refresh_from_db()
        assert (old.name, old.version) == ("Drill", 2)
        assert old.history.latest().history_change_reason == "The drill is new"
        assert routing.operations.count() == 2

    def test_a_row_changes_only_with_the_reason_of_the_page(self, planner, as_admin):
        routing = factories.routing(factories.product(), operations=1)
        old = routing.operations.get()
        row = self.row(10, id=old.pk, routing=routing.pk, seen_version=1, name="Drill")
        form = self.form(routing.product, [row], initial=1, seen_version=1)

        empty = planner.post(change(routing), form | {"change_reason": ""})
        dot = planner.post(change(routing), form | {"change_reason": "."})

        for answer in (empty, dot):
            assert answer.status_code == 200
            assert answer.context["adminform"].form.errors["change_reason"]
            assert 'value="Drill"' in answer.content.decode()
        assert answer.content.decode().count('name="change_reason"') == 1
        assert not RoutingOperation.objects.filter(name="Drill").exists()

    def test_a_stale_row_refuses_the_whole(self, planner, as_admin):
        routing = factories.routing(factories.product(), operations=1)
        old = routing.operations.get()
        records.update(old, name="Theirs", reason="The other drill")
        row = self.row(10, id=old.pk, routing=routing.pk, seen_version=1, name="Mine")

        response = planner.post(
            change(routing), self.form(routing.product, [row], initial=1, seen_version=1, revision="B")
        )

        assert response.status_code == 200
        assert "Somebody else changed this record" in response.content.decode()
        assert RoutingOperation.objects.get().name == "Theirs"
        assert Routing.objects.get().revision == "A"


def test_weekdays_are_ticked(planner, as_admin):
    form = {"name": "Early", "line": "", "start_time": "06:00", "end_time": "14:00", "weekdays": ["1", "5"]}

    planner.post("/admin/production/shift/add/", form | {"is_active": "on"})

    assert Shift.objects.get().weekdays == [1, 5]


def test_a_limit_keeps_the_digits_it_was_entered_with(client, user_of, as_admin):
    client.force_login(user_of("qa_manager"))
    form = {
        "product": factories.product().pk,
        "code": "D1",
        "name": "Diameter",
        "unit": "mm",
        "target": "",
        "lower_limit": "9.90",
        "upper_limit": "10.10",
        "is_active": "on",
    }

    assert client.post("/admin/quality/characteristic/add/", form).status_code == 302

    assert str(Characteristic.objects.get().lower_limit) == "9.90"


def test_crossed_limits_are_said_in_the_form(client, user_of, as_admin):
    client.force_login(user_of("qa_manager"))
    form = {"product": factories.product().pk, "code": "D1", "name": "D", "unit": "mm"}

    response = client.post("/admin/quality/characteristic/add/", form | {"lower_limit": "2", "upper_limit": "1"})

    assert "must be below the upper limit" in response.content.decode()


def test_there_is_one_site(client, as_admin):
    client.force_login(as_admin)
    factories.site()

    assert client.get("/admin/equipment/site/add/").status_code == 403


@pytest.mark.parametrize("role", ["inspector", "qa_manager", "planner", "auditor"])
def test_who_may_not_change_finds_the_form_closed(client, user_of, as_admin, role):
    client.force_login(user_of(role))
    line = factories.line()
    form = {"area": line.area_id, "line_code": line.line_code, "line_name": "Renamed", "efficiency_rate": "85"}

    response = client.post(change(line), form | {"seen_version": 1, "change_reason": "A new name"})

    assert response.status_code == (302 if role == "planner" else 403)
    assert ProductionLine.objects.filter(line_name="Renamed").exists() == (role == "planner")


def test_a_batch_is_master_data(planner, as_admin):
    planner.post("/admin/production/batch/add/", {"batch_number": "B-1", "product": factories.product().pk})

    assert Batch.objects.get().batch_number == "B-1"
