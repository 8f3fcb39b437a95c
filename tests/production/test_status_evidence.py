"""A status never changes without the evidence of its step, whoever writes: the database itself asks at commit."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from audit.context import current_act
from audit.journal import change
from audit.models import StateChange
from production.models import JobOrder, WorkOrder
from production.services.work_orders import hold_work_order, resume_work_order
from tests import factories
from tests.audit.journal import ACT, SAY
from tests.database import database

pytestmark = pytest.mark.django_db
WITHOUT_EVIDENCE = "without evidence"


@pytest.fixture
def order(plant) -> WorkOrder:
    return factories.work_order(plant, status="planned")


def evidence(record, before: str, after: str) -> None:
    act = current_act()
    StateChange.objects.create(
        occurred_at="2026-01-31T08:00Z",
        record_label=record._meta.label_lower,
        record_pk=str(record.pk),
        transition="test",
        from_state=before,
        to_state=after,
        actor=act.actor,
        actor_name=act.actor.printed_name,
        source=act.source,
        act_id=act.id,
    )


@contextmanager
def committed() -> Iterator[None]:
    """An act that ends with what commit asks, inside a test's transaction."""
    with transaction.atomic(), change("update_record", "Es eilt sehr"):
        yield
        connection.check_constraints()


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(IntegrityError, match=WITHOUT_EVIDENCE), committed():
        yield


@pytest.mark.parametrize("model", [WorkOrder, JobOrder])
def test_a_status_changed_past_the_steps_is_refused_at_commit(order, model):
    record = model.objects.first()
    with refused():
        model.objects.filter(pk=record.pk).update(status="completed")

    assert model.objects.get(pk=record.pk).status == record.status


def test_every_other_field_may_change_without_evidence(order):
    with committed():
        WorkOrder.objects.filter(pk=order.pk).update(priority=1, status=order.status)

    assert WorkOrder.objects.get(pk=order.pk).priority == 1


@pytest.mark.parametrize(("before", "after"), [("created", "released"), ("planned", "completed"), ("", "released")])
def test_evidence_of_another_step_is_none(order, before, after):
    with refused():
        WorkOrder.objects.filter(pk=order.pk).update(status="released")
        evidence(order, before, after)


def test_evidence_of_another_record_is_none(order, plant):
    other = factories.work_order(plant, status="planned")
    with refused():
        WorkOrder.objects.filter(pk=order.pk).update(status="released")
        evidence(other, "planned", "released")


def test_evidence_written_in_the_same_transaction_is_enough_in_any_order_and_under_savepoints(order):
    with committed():
        with transaction.atomic():
            evidence(order, "planned", "released")
        with transaction.atomic():
            WorkOrder.objects.filter(pk=order.pk).update(status="released")

    assert WorkOrder.objects.get(pk=order.pk).status == "released"


@pytest.mark.parametrize("status", ["planned", "released", "completed"])
def test_an_order_does_not_begin_in_a_later_status_without_evidence(order, status):
    copy = WorkOrder.objects.get(pk=order.pk)
    copy.pk, copy.work_order_number, copy.status = None, "WO-SMUGGLED", status
    copy._state.adding = True
    with refused():
        WorkOrder.objects.bulk_create([copy])


@pytest.mark.django_db(transaction=True)
def test_evidence_of_an_earlier_transaction_is_none(plant):
    order = factories.work_order(plant, status="planned")
    hold_work_order(work_order_id=order.pk, reason="Material fehlt")
    resume_work_order(work_order_id=order.pk)

    with pytest.raises(IntegrityError, match=WITHOUT_EVIDENCE), change("update_record", "Es eilt sehr"):
        WorkOrder.objects.filter(pk=order.pk).update(status="on_hold")

    assert WorkOrder.objects.get(pk=order.pk).status == "planned"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("role", ["app", "owner", "admin", "replica"])
def test_raw_sql_is_refused_whoever_signs_in(plant, role):
    order = factories.work_order(plant, status="planned")
    with database.psycopg("admin" if role == "replica" else role) as session:
        if role == "replica":
            session.execute("SET session_replication_role = replica")
        session.execute(SAY, [ACT])
        session.execute("UPDATE work_orders SET status = 'completed' WHERE id = %s", [order.pk])
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match=WITHOUT_EVIDENCE):
            session.commit()

    assert WorkOrder.objects.get(pk=order.pk).status == "planned"
