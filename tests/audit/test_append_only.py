import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import SecurityEvent, Signature, StateChange
from production.models import OperationRun, QuantityReport
from production.services.job_orders import report_quantity
from quality.models import Measurement, QualityCheck
from quality.services.checks import MeasuredValue, record_check
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def evidence(plant, as_admin):
    """One row in each append-only table."""
    order = factories.work_order(plant, status="in_progress")
    job = factories.first_job(order)
    report_quantity(job_order_id=job.pk, good=1)
    characteristic = factories.characteristic(plant.product)
    record_check(
        work_order_id=order.pk,
        test_type="final",
        values=[MeasuredValue(characteristic_id=characteristic.pk, value=characteristic.target)],
    )
    with factories.arranging():
        SecurityEvent.objects.create(kind="signing_failed", user=as_admin, source="test", act_id=order.pk)
        OperationRun.objects.create(
            job_order=job,
            equipment=plant.machine,
            piece="1",
            started_at=order.scheduled_start,
            ended_at=order.scheduled_end,
            source="import",
        )


MODELS = [Signature, StateChange, SecurityEvent, QuantityReport, OperationRun, QualityCheck, Measurement]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("statement", ["UPDATE {t} SET id = id", "DELETE FROM {t}"])
def test_the_database_refuses_to_alter_evidence(evidence, model, statement):
    before = model.objects.count()

    with (
        pytest.raises(DatabaseError, match=r"append-only|permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(t=model._meta.db_table))

    assert before >= 1
    assert model.objects.count() == before
