"""The search over orders: one rule at every door, and one that a million orders do not slow down."""

import pytest
from django.db import connection
from django.utils import timezone

from audit.paging import FirstPages
from production.models import Batch, WorkOrder
from production.queries import work_orders
from production.queries.order_list import ALL, OrderFilter, filtered_orders
from production.queries.work_orders import matching
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def three_orders(plant, as_admin):
    """Found by their number, their batch, and (all) by their product."""
    with factories.arranging():
        batch = Batch.objects.create(
            batch_number="LOT-K7", product=plant.product, created_by=as_admin, updated_by=as_admin
        )
    return [
        factories.work_order(plant, work_order_number="WO-ABC-1"),
        factories.work_order(plant, work_order_number="WO-XYZ-2", batch_id=batch.pk),
        factories.work_order(plant, work_order_number="WO-100%_3"),
    ]


def numbers(text: str) -> set[str]:
    return set(WorkOrder.objects.filter(matching(text)).values_list("work_order_number", flat=True))


@pytest.mark.parametrize("few", [5_000, 0])
def test_number_product_and_batch_are_found_in_any_case(three_orders, plant, monkeypatch, few):
    monkeypatch.setattr(work_orders, "FEW", few)  # more products and batches than that are not looked up first
    everything = {"WO-ABC-1", "WO-XYZ-2", "WO-100%_3"}

    assert numbers("abc") == {"WO-ABC-1"}
    assert numbers("lot-k7") == {"WO-XYZ-2"}
    assert numbers("%_") == {"WO-100%_3"}
    assert numbers(plant.product.product_code.lower()) == everything
    assert numbers(plant.product.product_name.upper()) == everything
    assert numbers("nothing like it") == set()


def test_every_door_finds_the_same(three_orders, signed_in, client):
    client = signed_in("supervisor")
    listed = client.get("/orders/", {"q": "k7"}).context["rows"]
    by_api = client.get("/api/v1/work-orders/", {"q": "k7"}).json()["results"]

    assert [row.number for row in listed] == ["WO-XYZ-2"]
    assert [row["work_order_number"] for row in by_api] == ["WO-XYZ-2"]

    found = signed_in("planner").get("/admin/production/workorder/", {"q": "xyz LOT"})
    assert [order.work_order_number for order in found.context["cl"].result_list] == ["WO-XYZ-2"]


def plan_of(orders) -> str:
    """As if the tables were large: reading a whole one costs more than anything."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    return orders.explain()


def test_the_search_reads_indexes_alone(three_orders):
    orders = filtered_orders(OrderFilter(view=ALL, search="lot-k7"), now=timezone.now())

    plan = plan_of(orders.select_related(None))
    batches = plan_of(Batch.objects.filter(batch_number__icontains="lot-k7"))

    assert "Bitmap Index Scan on ix_wo_number_contains" in plan
    assert "BitmapOr" in plan
    assert "Seq Scan" not in plan
    assert "Bitmap Index Scan on ix_batch_number_contains" in batches


def test_completed_orders_come_from_an_index_in_their_order(plant):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    orders = filtered_orders(OrderFilter(view="completed"), now=timezone.now()).select_related(None)

    plan = orders[:50].explain()

    assert "Index Scan using ix_wo_completed" in plan
    assert "Sort" not in plan


def test_a_page_is_asked_for_whole_and_an_empty_one_not_at_all(three_orders, django_assert_num_queries):
    """With LIMIT 1 for the one order found, PostgreSQL walks a million orders in list order until it meets it."""
    one, none = (filtered_orders(OrderFilter(view=ALL, search=text), now=timezone.now()) for text in ("abc", "zzz"))

    with django_assert_num_queries(2) as asked:
        assert len(FirstPages(one, 50).get_page(1)) == 1
    with django_assert_num_queries(1):
        assert len(FirstPages(none, 50).get_page(1)) == 0

    assert asked[-1]["sql"].endswith("LIMIT 50")


def test_a_long_list_ends_and_says_so(plant, signed_in, monkeypatch):
    monkeypatch.setattr(FirstPages, "MOST", 2)
    client = signed_in("operator")
    factories.work_order(plant)
    factories.work_order(plant)
    exactly = client.get("/orders/").content.decode()
    factories.work_order(plant)
    more = client.get("/orders/")

    assert "1–2 of 2<" in exactly
    assert "1–2 of more than 2<" in more.content.decode()
    assert len(more.context["rows"]) == 2
    assert len(client.get("/orders.csv").content.decode().splitlines()) == 1 + 2
