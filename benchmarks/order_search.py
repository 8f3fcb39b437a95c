"""Finding an order among a million: the list's own search and counts, against the query one would write instead.

    .venv/bin/python benchmarks/order_search.py [--orders 1000000]

On a PostgreSQL of its own, filled by SQL: 2,000 products, a batch for every four orders, one order in two hundred open.
"The plain query" joins products and batches, asks all four texts with OR, and counts every match for the pages.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _plant import Plant, machine, percentile, plant, table
from kpi_view import timed

FILL = Path(__file__).with_name("_order_fill.sql")
ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=1_000_000)
    wanted = parser.parse_args()
    with plant() as bench:
        bench.run("manage.py", "migrate", "--verbosity", "0", **bench.owner)
        os.environ.update(bench.mode("test") | bench.as_owner)
        import django

        django.setup()
        print(machine())
        measure(bench, wanted.orders)


def measure(bench: Plant, orders: int) -> None:
    from django.db import connection

    seconds = timed(lambda: fill(bench, orders))
    print(f"{orders:,} orders: filled in {seconds:.0f} s")
    searching(f"{orders // 2:07}")
    leafing()
    connection.close()


def fill(bench: Plant, orders: int) -> None:
    """The rows are consistent by construction."""
    from accounts.services.users import program_user

    program_user("bench", printed_name="Benchmark")
    bench.load_unwatched(FILL.read_text(encoding="utf-8"), {"orders": orders})


def searching(number: str) -> None:
    asked = {
        "part of a number": number,
        "a batch": "LOT-00ABC",
        "a product's name": "shaft 1234",
        "a hundred products": "SHF-17",
        "every product": "shf",
        "nothing": "no such order",
        "two digits": "12",
        "two letters that nothing has": "zz",
    }
    rows = [compared(f"{what} (“{text}”)", text) for what, text in asked.items()]
    table("First page of a search: rows and count, ms (median)", ("search", "ours", "the plain query", "ratio"), rows)


def compared(what: str, text: str) -> tuple[Any, ...]:
    ours, plain = median(lambda: our_page(search=text, view="all")), median(lambda: plain_page(text))
    return what, ours, plain, f"{plain / ours:.1f}x"


def leafing() -> None:
    from django.utils import timezone

    from production.models import WorkOrder
    from production.queries.order_list import OrderFilter, view_counts

    rows = [
        ("open orders: first page and count", median(our_page)),
        ("completed orders: first page and count", median(lambda: our_page(view="completed"))),
        ("all orders: first page and count", median(lambda: our_page(view="all"))),
        ("all orders: last page there is", median(lambda: our_page(view="all", page=10**9))),
        ("counts on the chips", median(lambda: view_counts(OrderFilter(), now=timezone.now()))),
        ("for comparison: count(*) of all orders", median(WorkOrder.objects.count)),
        ("sorted by line or priority: first page", median(lambda: our_page(view="all", sort="line"))),
    ]
    table("Without a search, ms (median)", ("what", "ms"), rows)


def our_page(*, page: int = 1, **asked: str) -> None:
    from django.utils import timezone

    from audit.paging import FirstPages
    from production.queries.order_list import OrderFilter, filtered_orders

    list(FirstPages(filtered_orders(OrderFilter(**asked), now=timezone.now()), 50).get_page(page))


def plain_page(text: str) -> None:
    from django.core.paginator import Paginator
    from django.db.models import Q

    from production.queries.work_orders import work_orders_with_links

    found = work_orders_with_links().filter(
        Q(work_order_number__icontains=text)
        | Q(product__product_code__icontains=text)
        | Q(product__product_name__icontains=text)
        | Q(batch__batch_number__icontains=text)
    )
    list(Paginator(found.order_by("-scheduled_start", "id"), 50).get_page(1))


def median(call: Callable[[], Any]) -> float:
    call()
    return percentile([timed(call) * 1000 for _ in range(ROUNDS)], 0.5)


if __name__ == "__main__":
    main()
