"""Every pair of status and step: allowed ones succeed, the others are refused and change nothing."""

import itertools

import pytest

from audit.context import act_as, current_act
from audit.errors import InvalidInput, MissingPermission, TransitionRefused
from audit.models import StateChange
from production.enums import JobOrderStatus, WorkOrderStatus
from production.models import JobOrder, WorkOrder
from production.services import job_orders, work_orders
from production.transitions import JOB_ORDER, WORK_ORDER
from tests import factories

pytestmark = pytest.mark.django_db


def release(order: WorkOrder) -> WorkOrder:
    actor = current_act().actor
    with act_as(factories.releaser() if actor.is_superuser else actor, source="test"):
        return work_orders.release_work_order(work_order_id=order.pk, signing=factories.signing())


def take(step: str, order: WorkOrder) -> WorkOrder:
    key = {"work_order_id": order.pk}
    return {
        "plan": lambda: work_orders.plan_work_order(**key),
        "release": lambda: release(order),
        "start": lambda: job_orders.start_job(job_order_id=order.job_orders.order_by("sequence")[0].pk),
        "complete": lambda: work_orders.complete_work_order(**key),
        "hold": lambda: work_orders.hold_work_order(**key, reason="material missing"),
        "resume": lambda: work_orders.resume_work_order(**key),
        "cancel": lambda: work_orders.cancel_work_order(**key, reason="order withdrawn"),
    }[step]()


def order_in(status: str, plant: factories.Plant) -> WorkOrder:
    """An order in `status`; for in_progress and later its jobs are complete, so only the status decides."""
    made = {"cancelled": "created", "on_hold": "released", "completed": "in_progress"}.get(status, status)
    order = factories.work_order(plant, status=made)
    if made == "planned":
        return order
    if made == "in_progress":
        factories.put_jobs(JobOrder.objects.filter(work_order=order), JobOrderStatus.COMPLETED)
    step = {"cancelled": "cancel", "on_hold": "hold", "completed": "complete"}.get(status)
    if step:
        take(step, order)
    return WorkOrder.objects.get(pk=order.pk)


# Starting is asked of a job, whose own state comes first: the pairs of "start" have their own test below.
STEPS = [edge.name for edge in WORK_ORDER.edges if edge.name != "start"]


@pytest.mark.parametrize(("status", "step"), list(itertools.product(WorkOrderStatus.values, STEPS)))
def test_every_pair_of_status_and_step(plant, status, step):
    order = order_in(status, plant)
    edge = WORK_ORDER.by_name[step]
    before = StateChange.objects.filter(record_pk=str(order.pk)).count()

    if status in edge.sources:
        take(step, order)
        after = WorkOrder.objects.get(pk=order.pk)
        change = StateChange.objects.filter(record_pk=str(order.pk)).latest("id")
        assert after.status == (edge.target or order.status_before_hold)
        assert (change.from_state, change.to_state, change.transition) == (status, after.status, step)
        assert after.version == order.version + 1
    else:
        with pytest.raises(TransitionRefused) as refused:
            take(step, order)
        assert set(refused.value.allowed) == {e.name for e in WORK_ORDER.edges if status in e.sources}
        after = WorkOrder.objects.get(pk=order.pk)
        assert (after.status, after.version) == (status, order.version)
        assert StateChange.objects.filter(record_pk=str(order.pk)).count() == before


@pytest.mark.parametrize("status", [s for s in WorkOrderStatus.values if s not in ("created", "cancelled")])
def test_a_job_starts_only_on_a_released_order(plant, status):
    order = order_in(status, plant)
    factories.put_jobs(JobOrder.objects.filter(work_order=order), JobOrderStatus.WAITING)

    if status in ("released", "in_progress"):
        take("start", order)
        assert WorkOrder.objects.get(pk=order.pk).status == "in_progress"
    else:
        with pytest.raises(TransitionRefused):
            take("start", order)
        assert WorkOrder.objects.get(pk=order.pk).status == status


@pytest.mark.parametrize(
    ("status", "step"), list(itertools.product(JobOrderStatus.values, ["start", "hold", "complete"]))
)
def test_every_pair_of_job_status_and_step(plant, status, step):
    order = factories.work_order(plant, status="in_progress")
    job = factories.first_job(order)
    factories.put_jobs(JobOrder.objects.filter(pk=job.pk), status)
    call = {
        "start": lambda: job_orders.start_job(job_order_id=job.pk),
        "hold": lambda: job_orders.hold_job(job_order_id=job.pk, reason_id=plant.hold_reason.pk),
        "complete": lambda: job_orders.complete_job(job_order_id=job.pk),
    }[step]
    edge = JOB_ORDER.by_name[step]

    if status in edge.sources:
        assert call().status == edge.target
    else:
        with pytest.raises(TransitionRefused) as refused:
            call()
        assert set(refused.value.allowed) == {e.name for e in JOB_ORDER.edges if status in e.sources}
        assert JobOrder.objects.get(pk=job.pk).status == status


@pytest.mark.parametrize("step", ["hold", "cancel"])
def test_a_step_that_needs_a_reason_refuses_an_empty_one(plant, step):
    order = factories.work_order(plant, status="planned")
    service = {"hold": work_orders.hold_work_order, "cancel": work_orders.cancel_work_order}[step]

    with pytest.raises(InvalidInput) as refused:
        service(work_order_id=order.pk, reason="  ")

    assert "reason" in refused.value.fields
    assert WorkOrder.objects.get(pk=order.pk).status == "planned"


def test_resume_returns_to_the_status_before_the_hold(plant):
    order = factories.work_order(plant, status="in_progress")

    work_orders.hold_work_order(work_order_id=order.pk, reason="gauge missing")
    resumed = work_orders.resume_work_order(work_order_id=order.pk)

    assert resumed.status == "in_progress"


def test_an_order_without_a_line_is_not_released(plant):
    order = factories.work_order(plant, status="planned", production_line_id=None)

    with pytest.raises(TransitionRefused, match="no production line"):
        take("release", order)


def test_a_product_without_routing_is_not_planned(plant):
    order = factories.work_order(plant, product_id=factories.product().pk)

    with pytest.raises(TransitionRefused, match="routing"):
        take("plan", order)


def test_open_operations_keep_an_order_from_completing(plant):
    order = factories.work_order(plant, status="in_progress")

    with pytest.raises(TransitionRefused, match="10, 20"):
        take("complete", order)


def test_a_running_job_keeps_an_order_from_being_cancelled(plant):
    order = factories.work_order(plant, status="in_progress")

    with pytest.raises(TransitionRefused, match="running"):
        take("cancel", order)


def test_cancelling_takes_the_waiting_jobs_along(plant):
    order = factories.work_order(plant, status="released")

    take("cancel", order)

    assert set(order.job_orders.values_list("status", flat=True)) == {"cancelled"}


@pytest.mark.parametrize(
    ("role", "step", "status"),
    [("operator", "plan", "created"), ("planner", "release", "planned"), ("auditor", "cancel", "planned")],
)
def test_a_role_without_the_permission_is_refused(plant, as_role, role, step, status):
    order = factories.work_order(plant, status=status)

    with as_role(role), pytest.raises(MissingPermission) as refused:
        take(step, order)

    assert refused.value.permission == WORK_ORDER.by_name[step].permission
    assert WorkOrder.objects.get(pk=order.pk).status == status
