"""Runs inside Django: how many queries each page asks, and how long it waits for their answers. Prints JSON."""

import datetime as dt
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

ROUNDS, WARM_UP = 15, 3


class Clock:
    """Time between sending a query and having its rows, and how many there were."""

    def __init__(self) -> None:
        self.seconds, self.queries = 0.0, 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - begun
            self.queries += 1


def main() -> None:
    targets = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps([timed(name, ask) for name, ask in requests(targets).items()]))


def requests(targets: dict[str, Any]) -> dict[str, Callable[[int], Any]]:
    supervisor, operator = signed_in(targets["sessions"][0]), signed_in(targets["operator_sessions"][0])
    program = Client(headers={"host": "127.0.0.1", "authorization": f"Bearer {targets['token']}"})
    line, orders = targets["lines"][0], targets["order_ids"]
    return {
        "board": lambda n: supervisor.get("/board/", secure=True),
        "board tile": lambda n: supervisor.get(f"/board/lines/{line['id']}/", secure=True),
        "order list": lambda n: supervisor.get("/orders/", secure=True),
        "order list, page 3 of all": lambda n: supervisor.get("/orders/?status=all&page=3", secure=True),
        "order list, search": lambda n: supervisor.get("/orders/?q=SHF", secure=True),
        "order detail": lambda n: supervisor.get(f"/orders/{orders[n]}/", secure=True),
        "terminal": lambda n: operator.get(f"/terminal/line/{line['code']}/", secure=True),
        "key figures": lambda n: supervisor.get("/kpi/", secure=True),
        "API order list (100)": lambda n: program.get("/api/v1/work-orders/?limit=100", secure=True),
        "API report quantity": lambda n: program.post(
            "/api/v1/quantity-reports/",
            {"job_order_id": targets["job_ids"][0], "good": "1"},
            content_type="application/json",
            secure=True,
        ),
        "API create order": lambda n: program.post(
            "/api/v1/work-orders/", new_order(targets), content_type="application/json", secure=True
        ),
    }


def signed_in(session: str) -> Client:
    client = Client(headers={"host": "127.0.0.1"})
    client.cookies["sessionid"] = session
    return client


def new_order(targets: dict[str, Any]) -> dict[str, Any]:
    now = timezone.now()
    return {
        "work_order_number": f"WO-PART-{time.time_ns()}",
        "product_id": targets["product_ids"][0],
        "planned_quantity": "250",
        "production_line_id": targets["lines"][0]["id"],
        "scheduled_start": now.isoformat(),
        "scheduled_end": (now + dt.timedelta(hours=6)).isoformat(),
    }


def timed(name: str, ask: Callable[[int], Any]) -> dict[str, Any]:
    database, whole, queries = [], [], 0
    for n in range(WARM_UP + ROUNDS):
        clock, begun = Clock(), time.perf_counter()
        with connection.execute_wrapper(clock):
            response = ask(n)
        if response.status_code not in (200, 201):
            sys.exit(f"{name}: {response.status_code} {response.content[:500]!r}")
        if n >= WARM_UP:
            database.append(clock.seconds * 1000)
            whole.append((time.perf_counter() - begun) * 1000)
            queries = max(queries, clock.queries)
    return {
        "name": name,
        "queries": queries,
        "database_ms": statistics.median(database),
        "total_ms": statistics.median(whole),
    }


if __name__ == "__main__":
    main()
