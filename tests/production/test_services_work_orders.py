import datetime as dt
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone, translation

from audit import records
from audit.errors import Conflict, InvalidInput, MissingPermission, NotFound, StaleVersion
from audit.records import integrity_digest
from production.models import Batch, WorkOrder
from production.services.work_orders import create_work_order, update_work_order
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def values(plant):
    now = timezone.now()
    return {
        "work_order_number": "WO-1",
        "product_id": plant.product.pk,
        "production_line_id": plant.line.pk,
        "planned_quantity": Decimal(10),
        "scheduled_start": now,
        "scheduled_end": now + dt.timedelta(hours=1),
    }


def test_a_new_order_is_created_with_its_defaults(values, as_admin):
    order = create_work_order(**values)

    assert (order.status, order.priority, order.version, order.uom) == ("created", 5, 1, "pcs")
    assert (order.created_by, order.updated_by) == (as_admin, as_admin)
    assert order.history.count() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"work_order_number": "X-1"}, "starts with WO"),
        ({"work_order_number": ""}, "blank"),
        ({"work_order_number": "WO" + "1" * 60}, "50"),
        ({"planned_quantity": Decimal(0)}, "greater than 0"),
        ({"planned_quantity": Decimal(-1)}, "greater than 0"),
        ({"planned_quantity": Decimal("1e20")}, "digits"),
        ({"priority": 0}, "greater than or equal to 1"),
        ({"priority": 11}, "less than or equal to 10"),
        ({"status": "completed"}, "cannot be set"),
        ({"scheduled_start": dt.datetime(2026, 1, 1)}, "zone"),  # noqa: DTZ001 the fault that is tested
    ],
)
def test_bad_values_are_refused_and_nothing_is_written(values, change, message):
    with pytest.raises(InvalidInput, match=message):
        create_work_order(**(values | change))

    assert not WorkOrder.objects.exists()


@pytest.mark.parametrize("minutes", [0, -1])
def test_the_end_must_be_after_the_start(values, minutes):
    values["scheduled_end"] = values["scheduled_start"] + dt.timedelta(minutes=minutes)

    with pytest.raises(InvalidInput, match="end must be after"):
        create_work_order(**values)


@pytest.mark.parametrize("link", ["product_id", "production_line_id", "batch_id"])
def test_an_unknown_product_line_or_batch_is_not_found(values, link):
    with pytest.raises(NotFound):
        create_work_order(**(values | {link: uuid4()}))


def test_an_inactive_product_is_refused(values, plant):
    records.update(plant.product, is_active=False, reason="No longer made")

    with pytest.raises(InvalidInput, match="no longer active"):
        create_work_order(**values)


def test_a_batch_of_another_product_is_refused(values):
    batch = records.create(Batch(batch_number="B-1", product=factories.product()))

    with pytest.raises(InvalidInput, match="another product"):
        create_work_order(**values, batch_id=batch.pk)


def test_a_number_exists_once(values):
    create_work_order(**values)

    with pytest.raises(Conflict, match="already exists"):
        create_work_order(**values)

    assert WorkOrder.objects.count() == 1


def test_an_edit_is_a_new_version_with_a_history(values):
    order = create_work_order(**values)

    update_work_order(work_order_id=order.pk, priority=1, expected_version=1, reason="customer calls")

    order.refresh_from_db()
    assert (order.priority, order.version) == (1, 2)
    assert list(order.history.values_list("version", "priority", "history_change_reason")) == [
        (2, 1, "customer calls"),
        (1, 5, None),
    ]


def test_an_edit_of_nothing_is_no_version(values):
    order = create_work_order(**values)

    update_work_order(work_order_id=order.pk, priority=order.priority)

    assert WorkOrder.objects.get(pk=order.pk).version == 1


def test_a_stale_version_is_refused(values):
    order = create_work_order(**values)
    update_work_order(work_order_id=order.pk, priority=1, reason="More urgent")

    with pytest.raises(StaleVersion):
        update_work_order(work_order_id=order.pk, priority=9, expected_version=1, reason="It can wait")

    assert WorkOrder.objects.get(pk=order.pk).priority == 1


def test_a_final_order_is_closed_for_edits(plant, as_admin):
    from production.services.work_orders import cancel_work_order

    order = factories.work_order(plant)
    cancel_work_order(work_order_id=order.pk, reason="no longer needed")

    with pytest.raises(InvalidInput, match="no longer be changed"):
        update_work_order(work_order_id=order.pk, priority=1)


def test_the_line_of_a_running_order_stays(plant):
    order = factories.work_order(plant, status="in_progress")

    with pytest.raises(InvalidInput, match="running"):
        update_work_order(work_order_id=order.pk, production_line_id=factories.line().pk)


def test_jobs_follow_the_line_of_their_order(plant):
    order = factories.work_order(plant, status="planned")
    other = factories.line()

    update_work_order(work_order_id=order.pk, production_line_id=other.pk, reason="The other line is free")

    assert set(order.job_orders.values_list("production_line_id", flat=True)) == {other.pk}


def test_the_plan_cannot_fall_below_what_is_made(plant):
    from production.services.job_orders import report_quantity

    order = factories.work_order(plant, status="in_progress", quantity="10")
    report_quantity(job_order_id=factories.first_job(order).pk, good=5)

    with pytest.raises(InvalidInput, match="5 pieces"):
        update_work_order(work_order_id=order.pk, planned_quantity=Decimal(4))


def test_the_integrity_digest_covers_every_version(values):
    order = create_work_order(**values)
    assert WorkOrder.objects.get(pk=order.pk).data_integrity_hash == integrity_digest(
        WorkOrder.objects.get(pk=order.pk)
    )

    update_work_order(work_order_id=order.pk, special_instructions="handle with care", reason="Parts came scratched")

    stored = WorkOrder.objects.get(pk=order.pk)
    assert stored.data_integrity_hash == integrity_digest(stored)
    assert stored.data_integrity_hash != order.data_integrity_hash


def test_raw_sql_that_alters_an_order_breaks_its_digest(values):
    order = create_work_order(**values)

    with factories.arranging():
        WorkOrder.objects.filter(pk=order.pk).update(planned_quantity=9999)

    stored = WorkOrder.objects.get(pk=order.pk)
    assert stored.data_integrity_hash != integrity_digest(stored)


def test_text_keeps_what_people_write(values):
    order = create_work_order(**values, special_instructions="注意 ⚠️ 12 µm")

    assert WorkOrder.objects.get(pk=order.pk).special_instructions == "注意 ⚠️ 12 µm"


def test_only_roles_with_the_permission_create(values, as_role):
    with as_role("operator"), pytest.raises(MissingPermission) as refused:
        create_work_order(**values)

    assert refused.value.permission == "production.add_workorder"


def test_refusals_speak_the_readers_language(values):
    with translation.override("ja"), pytest.raises(InvalidInput) as refused:
        create_work_order(**(values | {"work_order_number": "X-1"}))

    assert str(refused.value) == "ワークオーダー番号はWOで始まる必要があります"
