"""A step that somebody tried and was refused is a security event, in every door, once, whatever is rolled back."""

import pytest
from django.db import transaction
from django.urls import reverse
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from accounts.models import User
from accounts.services.users import program_user
from audit.context import act_as
from audit.errors import MissingPermission, TransitionRefused
from audit.journal import change
from audit.models import JournalEntry, SecurityEvent, StateChange
from production.models import WorkOrder
from production.services.job_orders import report_quantity, start_job
from production.services.work_orders import cancel_work_order, plan_work_order
from tests import factories

pytestmark = pytest.mark.django_db


API = "/api/v1"


def events() -> list[SecurityEvent]:
    return list(SecurityEvent.objects.filter(kind="step_refused").order_by("id"))


def the_event() -> SecurityEvent:
    (event,) = events()
    return event


def page(order: WorkOrder, step: str) -> str:
    return reverse(f"production:work-order-{step}", args=[order.pk])


def admin_page(order: WorkOrder, step: str) -> str:
    return reverse(f"admin:production_workorder_{step}", args=[order.pk])


def machine() -> User:
    return program_user("a-machine", printed_name="A machine", role="integration")


def api(order: WorkOrder, step: str = "") -> str:
    return f"{API}/work-orders/{order.pk}/{f'{step}/' if step else ''}"


@pytest.fixture
def program(user_of) -> APIClient:
    """A client of the API; named as the person it signs in."""
    client = APIClient()
    client.user = user_of("planner")
    client.force_authenticate(client.user)
    return client


class TestServices:
    def test_what_the_state_refuses_is_kept_with_everything_about_it(self, plant, as_role):
        order = factories.work_order(plant, status="planned")

        with as_role("planner") as planner, pytest.raises(TransitionRefused), change("several"):
            plan_work_order(work_order_id=order.pk)

        event = the_event()
        assert (event.user, event.source) == (planner, "test")
        assert event.detail == (
            f"production.workorder {order.pk} ({order.work_order_number}): plan from planned: “Plan” is not possible"
            " while the status is “Planned”. Possible now: Release, Put on hold, Cancel."
        )
        entry = JournalEntry.objects.get(table_name="audit_securityevent", pk_text=str(event.pk))
        assert (entry.actor_id, entry.reason_code) == (planner.pk, "refuse_step")

    def test_what_a_guard_refuses(self, plant, as_role):
        order = factories.work_order(plant, status="in_progress")

        with as_role("planner"), pytest.raises(TransitionRefused):
            cancel_work_order(work_order_id=order.pk, reason="withdrawn by the customer")

        assert the_event().detail.endswith(
            "cancel from in_progress: Operation 10 is running: hold or complete it first."
        )

    def test_what_the_role_may_not(self, plant, as_role):
        order = factories.work_order(plant)

        with as_role("inspector"), pytest.raises(MissingPermission):
            plan_work_order(work_order_id=order.pk)

        assert the_event().detail.endswith("plan from created: permission missing: production.plan_workorder")

    def test_the_same_tried_again_within_one_act_is_kept_once(self, plant, as_role):
        order = factories.work_order(plant, status="planned")

        with as_role("planner"):
            for _again in range(3):
                with pytest.raises(TransitionRefused):
                    plan_work_order(work_order_id=order.pk)

        the_event()

    def test_a_count_refused_is_no_step(self, plant, as_role):
        order = factories.work_order(plant, status="released")

        with as_role("operator"), pytest.raises(TransitionRefused):
            report_quantity(job_order_id=factories.first_job(order).pk, good=1)

        assert not events()

    def test_our_own_programs_look_again_and_are_not_kept(self, plant):
        job = factories.first_job(factories.work_order(plant, status="in_progress"))

        with act_as(machine(), source="simulator"), pytest.raises(TransitionRefused):
            start_job(job_order_id=job.pk)

        assert not events()

    def test_a_fault_in_keeping_it_hides_nothing(self, plant, user_of):
        order = factories.work_order(plant, status="planned")
        too_long = "x" * 101  # for the column of the door

        with capture_logs() as logs, pytest.raises(TransitionRefused), act_as(user_of("planner"), source=too_long):
            plan_work_order(work_order_id=order.pk)

        (told,) = [line for line in logs if line["event"] == "refused_step_not_kept"]
        assert "plan from planned" in told["attempt"]
        assert not events()


@pytest.mark.django_db(transaction=True)
def test_it_is_kept_whatever_else_is_rolled_back(plant, as_role):
    order = factories.work_order(plant)

    def both() -> None:
        with transaction.atomic(), change("both"):
            plan_work_order(work_order_id=order.pk)
            plan_work_order(work_order_id=order.pk)

    with as_role("planner"), pytest.raises(TransitionRefused):
        both()

    assert WorkOrder.objects.get().status == "created"
    assert not StateChange.objects.filter(record_pk=str(order.pk)).exists()
    assert "plan from planned" in the_event().detail


class TestApi:
    def test_a_second_click(self, plant, program):
        order = factories.work_order(plant, status="planned")

        answer = program.post(api(order, "plan"), headers={"Accept-Language": "ja", "X-Station": "PC-7"})

        event = the_event()
        assert answer.status_code == 409
        assert (event.user, event.source, event.station, event.address) == (program.user, "api", "PC-7", "127.0.0.1")
        assert str(event.act_id) == answer["X-Request-ID"]
        assert f"({order.work_order_number}): plan from planned: “Plan” is not possible" in event.detail

    def test_by_a_program(self, plant):
        job = factories.first_job(factories.work_order(plant, status="in_progress"))
        client = APIClient()
        client.force_authenticate(machine())

        assert client.post(f"{API}/job-orders/{job.pk}/start/").status_code == 409
        assert (the_event().user, "start from running" in the_event().detail) == (machine(), True)

    @pytest.mark.django_db(transaction=True)
    def test_a_status_no_step_leads_to(self, plant, program):
        order = factories.work_order(plant)

        answer = program.patch(api(order), {"status": "completed"}, format="json")

        assert answer.status_code == 409
        assert the_event().detail.endswith(
            "to completed from created: no step leads there; possible: cancelled, planned"
        )

    def test_a_step_that_is_not_the_roles(self, plant, program):
        order = factories.work_order(plant, status="planned")

        answer = program.post(api(order, "release"), {})

        assert answer.status_code == 403
        assert the_event().detail.endswith("release from planned: permission missing: production.release_workorder")

    def test_an_operation_that_is_not_the_roles(self, plant, program):
        job = factories.first_job(factories.work_order(plant, status="released"))

        assert program.post(f"{API}/job-orders/{job.pk}/start/").status_code == 403
        assert the_event().detail.startswith(f"production.joborder {job.pk} ")

    def test_an_address_of_nothing_is_no_step(self, plant, program):
        for pk in ("nonsense", "0196f000-0000-7000-8000-000000000000"):
            program.post(f"{API}/work-orders/{pk}/release/", {})

        assert not events()


class TestPages:
    def test_a_second_click(self, plant, signed_in):
        order = factories.work_order(plant, status="planned")

        answer = signed_in("planner").post(page(order, "plan"), headers={"Accept-Language": "ja"})

        event = the_event()
        assert (answer.status_code, event.source) == (409, "web")
        assert str(event.act_id) == answer["X-Request-ID"]
        assert "“Plan” is not possible while the status is “Planned”" in event.detail

    def test_a_signed_step_the_state_does_not_allow(self, plant, signed_in):
        order = factories.work_order(plant)

        assert signed_in("supervisor").post(page(order, "release"), {}).status_code == 409
        assert "release from created" in the_event().detail

    @pytest.mark.parametrize("step", ["plan", "release", "cancel"])
    def test_a_step_that_is_not_the_roles(self, plant, signed_in, step):
        order = factories.work_order(plant)

        assert signed_in("auditor").post(page(order, step), {"reason": "no longer needed"}).status_code == 403
        assert the_event().detail.endswith(f"{step} from created: permission missing: production.{step}_workorder")

    @pytest.mark.parametrize("step", ["start", "hold", "complete"])
    def test_at_the_terminal(self, plant, signed_in, step):
        job = factories.first_job(factories.work_order(plant, status="in_progress"))

        answer = signed_in("auditor").post(reverse(f"production:terminal-{step}", args=[job.pk]))

        assert answer.status_code == 403
        assert the_event().detail.endswith(f"{step} from running: permission missing: production.execute_joborder")


class TestAdministration:
    def test_a_second_click(self, plant, signed_in):
        order = factories.work_order(plant, status="planned")

        assert signed_in("planner").post(admin_page(order, "plan")).status_code == 422
        assert (the_event().source, "plan from planned" in the_event().detail) == ("admin", True)

    def test_a_signed_step_the_state_does_not_allow(self, plant, signed_in):
        order = factories.work_order(plant)

        signed_in("qa_manager").post(admin_page(order, "release"), {})

        assert "release from created" in the_event().detail

    @pytest.mark.parametrize("step", ["plan", "release"])
    def test_a_step_that_is_not_the_roles(self, plant, signed_in, step):
        order = factories.work_order(plant)

        assert signed_in("auditor").post(admin_page(order, step), {}).status_code == 403
        assert the_event().detail.endswith(f"{step} from created: permission missing: production.{step}_workorder")

    def test_an_operation_that_is_not_the_roles(self, plant, signed_in):
        job = factories.first_job(factories.work_order(plant, status="released"))

        answer = signed_in("auditor").post(reverse("admin:production_joborder_start", args=[job.pk]))

        assert answer.status_code == 403
        assert the_event().detail.endswith("start from waiting: permission missing: production.execute_joborder")

    def test_found_by_the_record_in_the_list(self, plant, client, as_admin, as_role):
        order = factories.work_order(plant, status="planned")
        with as_role("planner"), pytest.raises(TransitionRefused):
            plan_work_order(work_order_id=order.pk)
        client.force_login(as_admin)

        found = client.get(reverse("admin:audit_securityevent_changelist"), {"q": str(order.pk)})

        assert "Step of a record refused" in found.content.decode()
        assert list(found.context["cl"].result_list) == events()


@pytest.mark.parametrize("role", ["planner", "supervisor", "auditor"])
def test_who_only_looks_leaves_nothing(plant, signed_in, user_of, role):
    order = factories.work_order(plant, status="in_progress")
    client, program = signed_in(role), APIClient()
    program.force_authenticate(user_of(role))

    for step in ("plan", "release", "complete", "cancel"):
        client.get(page(order, step))
        client.get(admin_page(order, step))
        program.get(api(order, step))
    client.get(reverse("production:terminal-hold", args=[factories.first_job(order).pk]))
    assert client.get(page(order, "detail")).status_code == 200
    assert program.get(api(order)).json()["allowed_steps"]

    assert not events()
