import datetime as dt
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from audit import records
from audit.errors import InvalidInput, MissingPermission, NotFound, TransitionRefused
from production.models import JobOrder, QuantityReport, WorkOrder
from production.services.job_orders import complete_job, hold_job, report_quantity, start_job, undo_report
from production.services.work_orders import hold_work_order
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(plant):
    return factories.first_job(factories.work_order(plant, status="in_progress", quantity="10"))


def totals(job):
    job = JobOrder.objects.get(pk=job.pk)
    return (job.good, job.scrap, job.rework)


def test_pieces_are_counted_in_one_report(job, plant):
    report_quantity(job_order_id=job.pk, good=3, scrap=1, rework=1, reason_id=plant.scrap_reason.pk, comment="burr")

    report = QuantityReport.objects.get()
    assert (report.good, report.scrap, report.rework, report.comment) == (3, 1, 1, "burr")
    assert totals(job) == (3, 1, 1)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"good": -1}, "0 or more"),
        ({"good": 0}, "at least one"),
        ({"good": Decimal("NaN")}, "0 or more"),
        ({"good": Decimal("Infinity")}, "0 or more"),
        ({"scrap": 1}, "need a reason"),
        ({"good": 11}, "At most 10"),
    ],
)
def test_bad_counts_are_refused_and_nothing_is_counted(job, counts, message):
    with pytest.raises(InvalidInput, match=message):
        report_quantity(job_order_id=job.pk, **counts)

    assert totals(job) == (0, 0, 0)
    assert not QuantityReport.objects.exists()


def test_the_tolerance_of_the_product_is_allowed_and_no_more(job, plant):
    records.update(plant.product, overproduction_tolerance=10, reason="The customer takes more")
    report_quantity(job_order_id=job.pk, good=10)
    report_quantity(job_order_id=job.pk, good=1)

    with pytest.raises(InvalidInput, match="At most 0"):
        report_quantity(job_order_id=job.pk, good=1)


def test_the_second_click_counts_nothing(job):
    token = uuid4()

    first = report_quantity(job_order_id=job.pk, good=2, client_token=token)
    second = report_quantity(job_order_id=job.pk, good=2, client_token=token)

    assert first.pk == second.pk
    assert totals(job) == (2, 0, 0)


def test_a_token_of_another_job_is_refused(job, plant):
    token = uuid4()
    report_quantity(job_order_id=job.pk, good=2, client_token=token)
    other = factories.first_job(factories.work_order(plant, status="in_progress"))

    with pytest.raises(InvalidInput, match="Already counted"):
        report_quantity(job_order_id=other.pk, good=2, client_token=token)


def test_a_token_with_other_counts_is_refused_instead_of_lost(job):
    token = uuid4()
    report_quantity(job_order_id=job.pk, good=2, client_token=token)

    with pytest.raises(InvalidInput, match="Already counted"):
        report_quantity(job_order_id=job.pk, good=3, client_token=token)

    assert totals(job) == (2, 0, 0)


def test_a_report_is_undone_by_its_opposite(job):
    report = report_quantity(job_order_id=job.pk, good=4)

    undo_report(report_id=report.pk)

    assert totals(job) == (0, 0, 0)
    assert sorted(QuantityReport.objects.values_list("good", flat=True)) == [-4, 4]
    with pytest.raises(InvalidInput, match="already undone"):
        undo_report(report_id=report.pk)


def test_the_counts_of_a_complete_job_stay(job):
    report = report_quantity(job_order_id=job.pk, good=4)
    complete_job(job_order_id=job.pk)

    with pytest.raises(TransitionRefused):
        undo_report(report_id=report.pk)
    with pytest.raises(TransitionRefused):
        report_quantity(job_order_id=job.pk, good=1)


def test_an_order_on_hold_accepts_no_pieces(job):
    hold_work_order(work_order_id=job.work_order_id, reason="gauge missing")

    with pytest.raises(TransitionRefused):
        report_quantity(job_order_id=job.pk, good=1)


@pytest.mark.parametrize("offset", [dt.timedelta(days=-2), dt.timedelta(hours=1)])
def test_a_report_lies_within_its_job(job, offset):
    with pytest.raises(InvalidInput, match="outside the job"):
        report_quantity(job_order_id=job.pk, good=1, reported_at=timezone.now() + offset)


def test_only_the_last_operation_makes_the_order_progress(job):
    report_quantity(job_order_id=job.pk, good=10)
    assert WorkOrder.objects.get(pk=job.work_order_id).actual_quantity is None
    complete_job(job_order_id=job.pk)
    last = JobOrder.objects.filter(work_order_id=job.work_order_id).latest("sequence")
    start_job(job_order_id=last.pk)

    report_quantity(job_order_id=last.pk, good=7)

    assert WorkOrder.objects.get(pk=job.work_order_id).actual_quantity == 7


def test_counting_raises_no_version_so_an_edit_beside_it_is_not_stale(job):
    before = WorkOrder.objects.get(pk=job.work_order_id).version

    report_quantity(job_order_id=job.pk, good=1)

    assert WorkOrder.objects.get(pk=job.work_order_id).version == before


def test_a_held_job_leaves_the_line_idle_and_keeps_its_start(job, plant):
    started = JobOrder.objects.get(pk=job.pk).actual_start

    hold_job(job_order_id=job.pk, reason_id=plant.hold_reason.pk)

    assert plant.line.state_intervals.get(ended_at=None).state == "idle"
    start_job(job_order_id=job.pk)
    assert JobOrder.objects.get(pk=job.pk).actual_start == started
    assert plant.line.state_intervals.get(ended_at=None).state == "running"


def test_the_line_keeps_running_while_another_job_runs_on_it(job, plant):
    factories.work_order(plant, status="in_progress")

    complete_job(job_order_id=job.pk)

    assert plant.line.state_intervals.get(ended_at=None).state == "running"


def test_unknown_things_are_not_found(job):
    with pytest.raises(NotFound):
        start_job(job_order_id=uuid4())
    with pytest.raises(NotFound):
        report_quantity(job_order_id=job.pk, scrap=1, reason_id=uuid4())
    with pytest.raises(NotFound):
        undo_report(report_id=uuid4())


def test_only_roles_on_the_floor_count(job, as_role):
    with as_role("auditor"), pytest.raises(MissingPermission) as refused:
        report_quantity(job_order_id=job.pk, good=1)

    assert refused.value.permission == "production.report_quantity"
