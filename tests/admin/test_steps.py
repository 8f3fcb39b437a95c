"""Steps between a button and its service: plan, sign, hold, resume, cancel, count, measure, explain."""

from decimal import Decimal

import pytest
from django.urls import reverse

from audit.context import uuid7
from audit.models import SecurityEvent, Signature, StateChange
from equipment.services.line_states import set_line_state
from production.models import QuantityReport
from production.services.work_orders import update_work_order
from quality.models import QualityCheck
from tests import factories
from tests.signing import filled

pytestmark = pytest.mark.django_db


def page(record, step):
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_{step}", args=[record.pk])


def detail(record):
    return page(record, "change")


@pytest.fixture
def signed_in(client, user_of):
    def enter(role):
        client.force_login(user_of(role))
        return client

    return enter


@pytest.fixture
def root(client, as_admin):
    client.force_login(as_admin)
    return client


def offered(client, record):
    text = client.get(detail(record)).content.decode()
    return {step for step in ("plan", "release", "hold", "resume", "complete", "cancel") if page(record, step) in text}


@pytest.mark.parametrize(
    ("role", "status", "steps"),
    [
        ("planner", "created", {"plan", "cancel"}),
        ("planner", "planned", {"cancel"}),
        ("qa_manager", "created", set()),
        ("qa_manager", "planned", {"release", "hold"}),
        ("qa_manager", "released", {"hold"}),
        ("inspector", "planned", set()),
        ("auditor", "planned", set()),
    ],
)
def test_only_steps_the_status_and_the_role_allow_are_offered(signed_in, plant, role, status, steps):
    order = factories.work_order(plant, status=status)

    assert offered(signed_in(role), order) == steps


@pytest.mark.parametrize("step", ["plan", "release", "hold", "resume", "complete", "cancel"])
def test_an_address_typed_by_hand_is_refused_and_says_what_is_missing(signed_in, plant, step):
    order = factories.work_order(plant, status="planned")
    auditor = signed_in("auditor")

    assert "This needs the permission" in auditor.get(page(order, step)).content.decode()
    assert auditor.post(page(order, step), {"reason": "x"}).status_code == 403
    order.refresh_from_db()
    assert order.status == "planned"


def test_planning_makes_the_jobs(signed_in, plant):
    order, planner = factories.work_order(plant), signed_in("planner")

    assert planner.get(page(order, "plan")).status_code == 200
    response = planner.post(page(order, "plan"))

    order.refresh_from_db()
    assert response["Location"] == detail(order)
    assert (order.status, order.job_orders.count()) == ("planned", 2)
    assert StateChange.objects.get(transition="plan").source == "admin"


def test_a_second_click_is_told_so(signed_in, plant):
    order, planner = factories.work_order(plant), signed_in("planner")
    planner.post(page(order, "plan"))

    again = planner.post(page(order, "plan"))

    assert again.status_code == 422
    assert "is not possible while the status is" in again.content.decode()
    assert order.job_orders.count() == 2


def test_what_stands_in_the_way_is_said_before_and_after(signed_in, plant, as_admin):
    product = factories.product()
    order = factories.work_order(plant, product_id=product.pk)
    planner = signed_in("planner")

    before, after = planner.get(page(order, "plan")), planner.post(page(order, "plan"))

    for answer in (before, after):
        assert "no active routing with operations" in answer.content.decode()
    assert after.status_code == 422


class TestSigning:
    @pytest.fixture
    def order(self, plant):
        return factories.work_order(plant, status="planned")

    def form(self, client, order, **entered):
        shown = client.get(page(order, "release"))
        return filled(shown, shown.wsgi_request.user, **entered)

    def test_the_page_shows_what_is_signed(self, signed_in, order):
        text = signed_in("qa_manager").get(page(order, "release")).content.decode()

        for shown in (order.work_order_number, "SHA-256", "10 Operation 1", "10 pcs", "Test qa_manager"):
            assert shown in text

    def test_a_signature_releases(self, signed_in, order, user_of):
        client = signed_in("qa_manager")

        response = client.post(page(order, "release"), self.form(client, order, comment="Ready"))

        order.refresh_from_db()
        signature = Signature.objects.get()
        assert response["Location"] == detail(order)
        assert order.status == "released"
        assert (signature.signer, signature.source, signature.comment) == (user_of("qa_manager"), "admin", "Ready")
        assert "Test qa_manager" in client.get(detail(order)).content.decode()

    def test_a_wrong_password_is_counted_and_signs_nothing(self, signed_in, order):
        client = signed_in("qa_manager")

        response = client.post(page(order, "release"), self.form(client, order, password="wrong"))

        order.refresh_from_db()
        assert response.status_code == 422
        assert "User name or password is wrong (attempt 1 of 5). Nothing was signed." in response.content.decode()
        assert 'value="wrong"' not in response.content.decode()
        assert (
            order.status,
            Signature.objects.count(),
            SecurityEvent.objects.filter(kind="signing_failed").count(),
        ) == ("planned", 0, 1)

    def test_content_changed_since_it_was_shown_is_not_signed(self, signed_in, order, as_admin):
        client = signed_in("qa_manager")
        form = self.form(client, order)
        update_work_order(work_order_id=order.pk, planned_quantity=Decimal(11), reason="One more wanted")

        response = client.post(page(order, "release"), form)

        order.refresh_from_db()
        assert response.status_code == 422
        assert order.status == "planned"
        assert not Signature.objects.exists()

    @pytest.mark.parametrize("entered", [{"meaning": "witnessed"}, {"meaning": ""}, {"password": ""}, {"digest": ""}])
    def test_an_incomplete_form_signs_nothing(self, signed_in, order, entered):
        client = signed_in("qa_manager")

        response = client.post(page(order, "release"), self.form(client, order, **entered))

        assert response.status_code == 422
        assert not Signature.objects.exists()

    def test_an_order_changed_afterwards_says_so(self, signed_in, order, as_admin):
        client = signed_in("qa_manager")
        client.post(page(order, "release"), self.form(client, order))
        assert "differs from what was signed" not in client.get(detail(order)).content.decode()

        update_work_order(work_order_id=order.pk, planned_quantity=Decimal(11), reason="One more wanted")

        assert "differs from what was signed" in client.get(detail(order)).content.decode()
        signature = client.get(detail(Signature.objects.get())).content.decode()
        assert "differs from what was signed" in signature


def test_hold_needs_a_reason_and_resume_leads_back(signed_in, plant):
    order, client = factories.work_order(plant, status="released"), signed_in("qa_manager")

    empty = client.post(page(order, "hold"), {"reason": " "})
    client.post(page(order, "hold"), {"reason": "Wrong drawing"})
    order.refresh_from_db()
    held = order.status
    client.post(page(order, "resume"), {"reason": ""})

    order.refresh_from_db()
    assert (empty.status_code, held, order.status) == (422, "on_hold", "released")
    assert StateChange.objects.get(transition="hold").reason == "Wrong drawing"


def test_cancel_takes_the_jobs_along(signed_in, plant):
    order = factories.work_order(plant, status="planned")

    signed_in("planner").post(page(order, "cancel"), {"reason": "Not needed"})

    order.refresh_from_db()
    assert order.status == "cancelled"
    assert set(order.job_orders.values_list("status", flat=True)) == {"cancelled"}


class TestJobs:
    @pytest.fixture
    def job(self, plant):
        return factories.first_job(factories.work_order(plant, status="in_progress"))

    def counted(self, plant, **entered):
        return {
            "client_token": uuid7(),
            "good": "3",
            "scrap": "0",
            "rework": "0",
            "reason": "",
            "comment": "",
        } | entered

    def test_pieces_are_counted_once_however_often_the_button_is_pressed(self, root, plant, job):
        form = self.counted(plant, scrap="1", reason=plant.scrap_reason.pk)

        root.post(page(job, "report"), form)
        root.post(page(job, "report"), form)

        job.refresh_from_db()
        assert (job.good, job.scrap, QuantityReport.objects.count()) == (3, 1, 1)

    @pytest.mark.parametrize(
        ("entered", "said"),
        [
            ({"good": "11"}, "At most 10 more can be reported"),
            ({"good": "-1"}, "must be 0 or more"),
            ({"good": "0"}, "Enter at least one piece"),
            ({"scrap": "1"}, "Choose a reason"),
            ({"good": "x"}, "Enter a number"),
        ],
    )
    def test_a_refused_count_changes_nothing(self, root, plant, job, entered, said):
        response = root.post(page(job, "report"), self.counted(plant, **entered))

        assert response.status_code == 422
        assert said.lower() in response.content.decode().lower()
        assert not QuantityReport.objects.exists()

    def test_a_count_is_undone_by_its_opposite(self, root, plant, job):
        root.post(page(job, "report"), self.counted(plant))
        report = QuantityReport.objects.get()

        root.post(page(report, "undo"), {"reason": "Counted twice"})
        again = root.post(page(report, "undo"), {"reason": ""})

        job.refresh_from_db()
        assert (job.good, QuantityReport.objects.count(), again.status_code) == (0, 2, 422)
        assert page(report, "undo") not in root.get(detail(report)).content.decode()

    def test_it_is_held_started_and_completed(self, root, plant, job):
        root.post(page(job, "hold"), {"reason": plant.hold_reason.pk, "comment": "Tool"})
        job.refresh_from_db()
        held = job.status
        root.post(page(job, "start"))
        root.post(page(job, "complete"))

        job.refresh_from_db()
        assert (held, job.status) == ("held", "completed")

    def test_a_planner_cannot_count(self, signed_in, plant, job):
        assert signed_in("planner").get(page(job, "report")).status_code == 403


class TestLineStates:
    URL = "/admin/equipment/linestateinterval/set-state/"

    def test_a_state_is_set(self, root, plant):
        form = {"line": plant.line.pk, "state": "stopped", "reason": plant.stop_reason.pk, "comment": ""}

        assert root.get(self.URL).status_code == 200
        assert root.post(self.URL, form).status_code == 302

        interval = plant.line.state_intervals.get(ended_at=None)
        assert (interval.state, interval.reason) == ("stopped", plant.stop_reason)

    def test_a_stop_is_explained(self, root, plant):
        stop = set_line_state(line_id=plant.line.pk, state="stopped")

        assert page(stop, "explain") in root.get(detail(stop)).content.decode()
        root.post(page(stop, "explain"), {"reason": plant.stop_reason.pk, "comment": "Belt"})

        stop.refresh_from_db()
        assert (stop.reason, stop.comment, stop.history.count()) == (plant.stop_reason, "Belt", 2)

    def test_who_may_not_is_refused(self, signed_in, plant):
        assert signed_in("qa_manager").get(self.URL).status_code == 403


class TestChecks:
    URL = "/admin/quality/qualitycheck/add/"

    @pytest.fixture
    def order(self, plant):
        factories.characteristic(plant.product, "D1")
        factories.characteristic(plant.product, "D2")
        return factories.work_order(plant, status="in_progress")

    def form(self, order, values, **entered):
        by_code = {c.code: f"value_{c.pk}" for c in order.product.characteristics.all()}
        cells = {by_code[code]: value for code, value in values.items()}
        fixed = {
            "client_token": uuid7(),
            "piece": "7",
            "test_type": "dimensional",
            "place": "",
            "job": "",
            "comment": "",
        }
        return fixed | cells | entered

    def test_the_order_leads_to_its_check(self, signed_in, order):
        address = f"{self.URL}?work_order={order.pk}"

        assert address in signed_in("inspector").get(detail(order)).content.decode()
        assert address not in signed_in("planner").get(detail(order)).content.decode()

    def test_the_order_is_chosen_first(self, signed_in, order):
        inspector = signed_in("inspector")

        assert "Which order was checked?" in inspector.get(self.URL).content.decode()
        assert "Which order was checked?" in inspector.get(self.URL, {"work_order": "nonsense"}).content.decode()
        assert "D1" in inspector.get(self.URL, {"work_order": order.pk}).content.decode()

    def test_values_are_judged_by_the_limits_and_keep_their_digits(self, signed_in, order):
        inspector = signed_in("inspector")
        form = self.form(order, {"D1": "10.050", "D2": "10.2"}, job=factories.first_job(order).pk)

        inspector.post(f"{self.URL}?work_order={order.pk}", form)
        inspector.post(f"{self.URL}?work_order={order.pk}", form)

        check = QualityCheck.objects.get()
        assert (check.result, check.piece, check.job_order) == ("fail", "7", factories.first_job(order))
        found = check.measurements.order_by("characteristic__code").values_list("value", "verdict")
        assert [(str(value), verdict) for value, verdict in found] == [("10.050", "pass"), ("10.2", "fail")]

    @pytest.mark.parametrize(
        ("values", "said"), [({}, "Enter at least one value."), ({"D1": "ten"}, "Enter a number.")]
    )
    def test_a_refused_check_records_nothing(self, signed_in, order, values, said):
        response = signed_in("inspector").post(f"{self.URL}?work_order={order.pk}", self.form(order, values))

        assert response.status_code == 422
        assert said in response.content.decode()
        assert not QualityCheck.objects.exists()

    def test_a_planner_may_not(self, signed_in, order):
        assert signed_in("planner").get(self.URL).status_code == 403


class TestShiftCalendar:
    @pytest.fixture
    def scheduled(self, plant):
        from equipment.queries.site import production_day
        from production.models import ScheduledShift
        from production.services.calendar import plan_shifts

        factories.shift()
        plan_shifts(first=production_day(), last=production_day())
        return ScheduledShift.objects.get()

    def test_a_shift_is_taken_out_and_put_back(self, signed_in, scheduled):
        planner = signed_in("planner")

        planner.post(page(scheduled, "cancel"))
        scheduled.refresh_from_db()
        out = scheduled.is_cancelled
        text = planner.get(detail(scheduled)).content.decode()
        planner.post(page(scheduled, "restore"))

        scheduled.refresh_from_db()
        assert (out, scheduled.is_cancelled) == (True, False)
        assert page(scheduled, "restore") in text
        assert page(scheduled, "cancel") not in text

    def test_an_inspector_may_not(self, signed_in, scheduled):
        assert signed_in("inspector").post(page(scheduled, "cancel")).status_code == 403
