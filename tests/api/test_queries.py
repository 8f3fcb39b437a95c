"""A list costs the same number of queries for one row as for three."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import records
from equipment.services.line_states import set_line_state
from production.models import Batch
from production.queries.work_orders import find_active_orders
from production.services.job_orders import report_quantity
from production.services.kpi import refresh_kpis
from quality.services.checks import MeasuredValue, record_check
from tests import factories

pytestmark = pytest.mark.django_db

# Beyond its own queries every signed-in request of these tests reads the user's permissions (2), and what belongs to
# lines asks which of them the user works on (1).
LISTS = {
    "products": 4,
    "lines": 6,
    "areas": 4,
    "equipment": 5,
    "reasons": 4,
    "line-states": 5,
    "work-orders": 5,
    "work-orders/?start_date=2020-01-01&q=WO": 8,
    "work-orders/active": 5,
    "job-orders": 5,
    "quantity-reports": 5,
    "characteristics": 4,
    "quality-checks": 6,
    "kpi": 6,
}


def _one_more_of_everything(plant: factories.Plant) -> None:
    line = factories.line()
    factories.product()
    factories.machine(line)
    factories.reason("stop")
    characteristic = factories.characteristic(plant.product)
    batch = records.create(Batch(batch_number=line.line_code, product=plant.product))
    order = factories.work_order(plant, status="in_progress", production_line_id=line.pk, batch_id=batch.pk)
    report_quantity(job_order_id=factories.first_job(order).pk, scrap=Decimal(1), reason_id=plant.scrap_reason.pk)
    set_line_state(line_id=line.pk, state="stopped", reason_id=plant.stop_reason.pk)
    record_check(
        work_order_id=order.pk,
        test_type="dimension",
        values=[MeasuredValue(characteristic_id=characteristic.pk, value=Decimal(10))],
    )
    refresh_kpis()


@pytest.mark.parametrize(("address", "expected"), LISTS.items())
def test_a_list_costs_the_same_for_one_row_and_for_three(client_of, user_of, plant, address, expected):
    client = client_of("supervisor")
    user = user_of("supervisor")

    def cost() -> tuple[int, int]:
        client.force_authenticate(type(user).objects.get(pk=user.pk))  # a fresh user has no permissions remembered
        address_with_slash = address if "?" in address else f"{address}/"
        with CaptureQueriesContext(
            connection,
        ) as queries:
            body = client.get(f"/api/v1/{address_with_slash}").json()
        return len(queries), len(body["results"])

    _one_more_of_everything(plant)
    one, first_rows = cost()
    _one_more_of_everything(plant)
    _one_more_of_everything(plant)
    three, more_rows = cost()

    assert more_rows > first_rows or address == "areas"
    assert (one, three) == (expected, expected)


def test_active_orders_cost_one_query(plant, django_assert_num_queries):
    for _ in range(3):
        _one_more_of_everything(plant)

    with django_assert_num_queries(1):
        shown = [(o.product.product_code, o.production_line.line_code) for o in find_active_orders()]

    assert len(shown) == 3


def test_active_orders_of_a_line_and_in_other_statuses(plant):
    _one_more_of_everything(plant)
    waiting = factories.work_order(plant)

    assert list(find_active_orders(line_id=plant.line.pk)) == []
    assert list(find_active_orders(statuses=["created"])) == [waiting]
