"""Orders of the past: complete when they enter, with evidence, and all or none."""

import datetime as dt
from decimal import Decimal

import pytest

from audit import records
from audit.errors import Conflict, InvalidInput, MissingPermission
from audit.models import Signature, StateChange
from production.models import JobOrder, OperationRun, QuantityReport, WorkOrder
from production.services.backfill import PastJob, PastOrder, PastReport, PastRun, record_past_orders
from tests import factories

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 1, 5, 8, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def past_order(plant, number: str, **values) -> PastOrder:
    def job(sequence: int, reports: list[PastReport], runs: list[PastRun]) -> PastJob:
        begin = START + sequence * HOUR
        return PastJob(
            sequence=sequence,
            operation_name=f"Operation {sequence}",
            run_time_seconds=Decimal(30),
            setup_time_seconds=Decimal(0),
            line_id=plant.line.pk,
            started_at=begin,
            ended_at=begin + HOUR,
            reports=reports,
            runs=runs,
        )

    run = PastRun(piece="1", equipment_id=plant.machine.pk, started_at=START + HOUR, ended_at=START + HOUR)
    fields = {
        "work_order_number": number,
        "product_id": plant.product.pk,
        "production_line_id": plant.line.pk,
        "planned_quantity": Decimal(10),
        "scheduled_start": START,
        "scheduled_end": START + 4 * HOUR,
        "jobs": [
            job(1, [PastReport(at=START + 2 * HOUR, good=Decimal(9), scrap=Decimal(1))], [run]),
            job(2, [PastReport(at=START + 3 * HOUR, good=Decimal(8), rework=Decimal(1))], []),
        ],
    }
    return PastOrder(**(fields | values))


def test_past_orders_enter_complete_with_their_evidence(plant, as_admin):
    first, second = record_past_orders([past_order(plant, "WO-PAST-1"), past_order(plant, "WO-PAST-2")])

    first.refresh_from_db()
    assert (first.status, first.actual_quantity, first.created_by) == ("completed", 8, as_admin)
    assert (first.actual_start, first.actual_end) == (START + HOUR, START + 3 * HOUR)
    assert first.data_integrity_hash == records.integrity_digest(first)
    assert [(job.good, job.scrap, job.rework) for job in second.job_orders.order_by("sequence")] == [
        (9, 1, 0),
        (8, 0, 1),
    ]
    assert QuantityReport.objects.count() == 4
    assert OperationRun.objects.count() == 2
    step = StateChange.objects.get(record_pk=str(first.pk))
    assert (step.transition, step.to_state, step.occurred_at) == ("import", "completed", START + 3 * HOUR)
    assert not Signature.objects.exists()


def test_every_row_has_its_history(plant, as_admin):
    (order,) = record_past_orders([past_order(plant, "WO-PAST-1")])

    version = order.history.get()
    assert (version.history_user, version.history_change_reason) == (as_admin, "import")
    assert [job.history.count() for job in order.job_orders.all()] == [1, 1]


def test_a_taken_number_refuses_all_of_them(plant):
    factories.work_order(plant, work_order_number="WO-PAST-2")

    with pytest.raises(Conflict, match="exists"):
        record_past_orders([past_order(plant, "WO-PAST-1"), past_order(plant, "WO-PAST-2")])

    assert WorkOrder.objects.count() == 1
    assert not JobOrder.objects.exists()


def test_rules_of_one_row_hold_here_too(plant):
    with pytest.raises(InvalidInput, match="WO"):
        record_past_orders([past_order(plant, "PAST-1")])
    with pytest.raises(InvalidInput, match="greater than 0"):
        record_past_orders([past_order(plant, "WO-PAST-1", planned_quantity=Decimal(0))])

    assert not WorkOrder.objects.exists()


def test_nothing_to_record_is_nothing(plant):
    assert record_past_orders([]) == []


def test_who_may_not_add_orders_may_not_add_past_ones(plant, as_role):
    with as_role("operator"), pytest.raises(MissingPermission):
        record_past_orders([past_order(plant, "WO-PAST-1")])
