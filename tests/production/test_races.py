"""Two writers at once on the real database: one wins, the other is told, nothing is counted twice."""

import threading
from collections.abc import Callable
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import User
from audit.context import act_as
from audit.errors import Conflict, DomainError
from audit.models import StateChange
from equipment.models import LineStateInterval
from equipment.services.line_states import set_line_state
from production.models import JobOrder, QuantityReport, WorkOrder
from production.services.job_orders import complete_job, report_quantity, start_job
from production.services.work_orders import plan_work_order, update_work_order
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(user: User, *calls: Callable[[], object]) -> list[object]:
    """Run every call in a thread and connection of its own, all released at the same moment."""
    gate = threading.Barrier(len(calls))
    results: list[object] = [None] * len(calls)

    def run(n: int, call: Callable[[], object]) -> None:
        try:
            with act_as(user, source="test"):
                connection.ensure_connection()
                gate.wait(timeout=10)
                results[n] = call()
        except DomainError as refused:
            results[n] = refused
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n, call)) for n, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


def refusals(results: list[object]) -> list[DomainError]:
    return [r for r in results if isinstance(r, DomainError)]


def test_one_number_goes_to_one_order(plant, as_admin):
    results = at_once(as_admin, *[lambda: factories.work_order(plant, work_order_number="WO-RACE")] * 4)

    assert WorkOrder.objects.filter(work_order_number="WO-RACE").count() == 1
    assert [type(r) for r in refusals(results)] == [Conflict] * 3


def test_an_order_is_planned_once(plant, as_admin):
    order = factories.work_order(plant)

    results = at_once(as_admin, *[lambda: plan_work_order(work_order_id=order.pk)] * 3)

    assert len(refusals(results)) == 2
    assert StateChange.objects.filter(record_pk=str(order.pk), transition="plan").count() == 1
    assert order.job_orders.count() == 2


def test_the_same_token_counts_once(plant, as_admin):
    job = factories.first_job(factories.work_order(plant, status="in_progress"))
    token = uuid4()

    results = at_once(as_admin, *[lambda: report_quantity(job_order_id=job.pk, good=1, client_token=token)] * 4)

    assert refusals(results) == []
    assert QuantityReport.objects.count() == 1
    assert JobOrder.objects.get(pk=job.pk).good == 1


def test_counts_of_several_people_add_up(plant, as_admin):
    job = factories.first_job(factories.work_order(plant, status="in_progress", quantity="100"))

    at_once(as_admin, *[lambda: report_quantity(job_order_id=job.pk, good=1)] * 8)

    assert JobOrder.objects.get(pk=job.pk).good == 8


def test_the_tolerance_holds_against_simultaneous_reports(plant, as_admin):
    job = factories.first_job(factories.work_order(plant, status="in_progress", quantity="10"))

    results = at_once(as_admin, *[lambda: report_quantity(job_order_id=job.pk, good=6)] * 3)

    assert len(refusals(results)) == 2
    assert JobOrder.objects.get(pk=job.pk).good == 6


def test_two_edits_of_the_same_version_one_is_stale(plant, as_admin):
    order = factories.work_order(plant)

    results = at_once(
        as_admin,
        lambda: update_work_order(work_order_id=order.pk, expected_version=1, priority=1, reason="More urgent"),
        lambda: update_work_order(
            work_order_id=order.pk, expected_version=1, planned_quantity=Decimal(7), reason="The customer wants fewer"
        ),
    )

    assert [type(r).__name__ for r in refusals(results)] == ["StaleVersion"]
    assert WorkOrder.objects.get(pk=order.pk).version == 2


def test_the_last_two_jobs_completing_together_complete_the_order_once(plant, as_admin):
    order = factories.work_order(plant, status="in_progress")
    first, second = order.job_orders.order_by("sequence")
    start_job(job_order_id=second.pk)

    results = at_once(
        as_admin, lambda: complete_job(job_order_id=first.pk), lambda: complete_job(job_order_id=second.pk)
    )

    assert refusals(results) == []
    assert WorkOrder.objects.get(pk=order.pk).status == "completed"
    assert StateChange.objects.filter(record_pk=str(order.pk), transition="complete").count() == 1


def test_a_line_has_one_open_state_whoever_reports(plant, as_admin):
    states = ["running", "stopped", "idle", "setup"]

    at_once(as_admin, *[lambda s=s: set_line_state(line_id=plant.line.pk, state=s) for s in states])

    assert LineStateInterval.objects.filter(line=plant.line, ended_at=None).count() == 1
