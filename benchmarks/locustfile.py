"""People and programs at work: what they ask for, how often, and the pauses they make.

`load_100_users.py` starts this with its targets (BENCH_TARGETS) and reads every response time back (BENCH_RESULTS).
"""

import datetime as dt
import itertools
import json
import os
import random
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, between, events, task

TARGETS = json.loads(Path(os.environ["BENCH_TARGETS"]).read_text())
RESULTS = Path(os.environ["BENCH_RESULTS"])
THINK = (5, 15)  # seconds, evenly spread
ARRIVING = 10  # seconds

seen: dict[str, dict[str, list[Any]]] = defaultdict(lambda: {"ms": [], "failures": []})
people = itertools.count()


class Person(FastHttpUser):
    """One signed-in person with pages open, or a program with a token; which of the two changes from act to act."""

    wait_time = between(*THINK)

    def on_start(self) -> None:
        gevent.sleep(random.uniform(0, ARRIVING))  # locust starts users in batches; people do not come like that
        number = next(people) % len(TARGETS["sessions"])
        self.session = f"sessionid={TARGETS['sessions'][number]}"
        self.operator = f"sessionid={TARGETS['operator_sessions'][number]}"

    @task(30)
    def board(self) -> None:
        self.page("/board/", "board")

    @task(25)
    def order_list(self) -> None:
        query = random.choice(["", "", "?status=late", "?status=all&page=3", "?q=SHF", "?status=completed"])
        self.page(f"/orders/{query}", "order list")

    @task(15)
    def order_detail(self) -> None:
        self.page(f"/orders/{random.choice(TARGETS['order_ids'])}/", "order detail")

    @task(10)
    def terminal(self) -> None:
        line = random.choice(TARGETS["lines"])["code"]
        self.ask("GET", f"/terminal/line/{line}/", "terminal", 200, {"Cookie": self.operator})

    @task(5)
    def kpi(self) -> None:
        self.page("/kpi/", "key figures")

    @task(10)
    def api_orders(self) -> None:
        self.api("GET", "/api/v1/work-orders/?limit=100", "API order list", 200)

    @task(3)
    def api_report(self) -> None:
        body = {"job_order_id": random.choice(TARGETS["job_ids"]), "good": "1", "client_token": str(uuid.uuid4())}
        self.api("POST", "/api/v1/quantity-reports/", "API report quantity", 201, body)

    @task(2)
    def api_create(self) -> None:
        start = dt.datetime.now(dt.UTC) + dt.timedelta(days=random.randrange(1, 20))
        body = {
            "work_order_number": f"WO-LOAD-{uuid.uuid4().hex[:12]}",
            "product_id": random.choice(TARGETS["product_ids"]),
            "planned_quantity": "250",
            "production_line_id": random.choice(TARGETS["lines"])["id"],
            "scheduled_start": start.isoformat(),
            "scheduled_end": (start + dt.timedelta(hours=6)).isoformat(),
        }
        self.api("POST", "/api/v1/work-orders/", "API create order", 201, body)

    def page(self, path: str, name: str) -> None:
        self.ask("GET", path, name, 200, {"Cookie": self.session})

    def api(self, method: str, path: str, name: str, expected: int, body: Any = None) -> None:
        self.ask(method, path, name, expected, {"Authorization": f"Bearer {TARGETS['token']}"}, body)

    def ask(self, method: str, path: str, name: str, expected: int, headers: dict[str, str], body: Any = None) -> None:
        """A redirect to the login would be quick and wrong: only the expected status counts."""
        headers = headers | TARGETS["headers"]
        with self.client.request(
            method, path, name=name, headers=headers, json=body, allow_redirects=False, catch_response=True
        ) as response:
            if response.status_code == expected:
                response.success()
            else:
                response.failure(f"{response.status_code}: {(response.text or '')[:200]}")


@events.request.add_listener
def note(name: str, response_time: float, exception: Exception | None, **_more: Any) -> None:
    kind = seen[name]
    kind["ms"].append(response_time)
    if exception:
        kind["failures"].append(str(exception))


@events.quitting.add_listener
def write(**_more: Any) -> None:
    RESULTS.write_text(json.dumps(seen))
