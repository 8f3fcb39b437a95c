"""One order from created to completed through the services, with the evidence each step leaves."""

from decimal import Decimal

import pytest

from audit.models import Signature, StateChange
from production.models import WorkOrder
from production.services.job_orders import complete_job, report_quantity, start_job
from production.services.kpi import refresh_kpis
from tests import factories

pytestmark = pytest.mark.django_db


def test_an_order_runs_from_created_to_completed(plant):
    order = factories.work_order(plant, status="in_progress", quantity="10")
    first, second = order.job_orders.order_by("sequence")

    report_quantity(job_order_id=first.pk, good=Decimal(9), scrap=Decimal(1), reason_id=plant.scrap_reason.pk)
    complete_job(job_order_id=first.pk)
    start_job(job_order_id=second.pk)
    report_quantity(job_order_id=second.pk, good=Decimal(9))
    complete_job(job_order_id=second.pk)

    order = WorkOrder.objects.get(pk=order.pk)
    steps = StateChange.objects.filter(record_pk=str(order.pk)).order_by("id").values_list("transition", flat=True)
    assert order.status == "completed"
    assert order.actual_quantity == 9
    assert order.actual_start is not None
    assert order.actual_end >= order.actual_start
    assert list(steps) == ["plan", "release", "start", "complete"]
    assert Signature.objects.get().record_pk == str(order.pk)
    assert [i.state for i in plant.line.state_intervals.order_by("id")] == [
        "running",
        "idle",
        "running",
        "idle",
    ]


def test_kpis_of_the_day_follow(plant):
    order = factories.work_order(plant, status="in_progress")
    report_quantity(job_order_id=factories.first_job(order).pk, good=Decimal(4))

    refresh = refresh_kpis()

    assert refresh is not None
    assert refresh.days_recomputed >= 1
