"""Runs inside Django: writes with each kind of trail switched on, in random order. Prints JSON."""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django

django.setup()

import psycopg  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from accounts.services.users import installing  # noqa: E402
from inventory.models import Material  # noqa: E402

# name -> (journal, simple-history)
TRAILS = {"none": (False, False), "simple-history": (False, True), "journal": (True, False), "both": (True, True)}
BLOCK, WARM_UP, BULK_ROUNDS, ROWS = 10, 20, 5, 10_000
TRIMMED = 0.1  # of each end


class Trail:
    """Switches the triggers as the cluster's administrator; nobody else could."""

    def __init__(self, admin: str) -> None:
        self.connection = psycopg.connect(admin, autocommit=True)
        self.triggers = self.connection.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
            " WHERE tgname ~ '^zz_journal_(insert|update|delete)$'"
        ).fetchall()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        journal, history = TRAILS[name]
        settings.SIMPLE_HISTORY_ENABLED = history
        if not journal:
            self._switch("DISABLE")
        try:
            yield
        finally:
            settings.SIMPLE_HISTORY_ENABLED = True
            if not journal:
                self._switch("ENABLE ALWAYS")

    def _switch(self, how: str) -> None:
        with self.connection.transaction():
            for table_name, trigger in self.triggers:
                self.connection.execute(f"ALTER TABLE {table_name} {how} TRIGGER {trigger}")


def main() -> None:
    targets, rounds = json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2])
    trail = Trail(targets["admin"])
    asked = {"PATCH an order": patches(targets), "POST a quantity report": reports(targets)}
    found = {name: interleaved(trail, ask, rounds) for name, ask in asked.items()}
    print(json.dumps({"requests": found, "bulk": bulk(trail)}))


def program(targets: dict[str, Any]) -> Client:
    return Client(headers={"host": "127.0.0.1", "authorization": f"Bearer {targets['token']}"})


def patches(targets: dict[str, Any]) -> Callable[[int], Any]:
    client = program(targets)
    number = client.post(
        "/api/v1/work-orders/",
        {
            "work_order_number": f"WO-COST-{time.time_ns()}",
            "product_id": targets["product_ids"][0],
            "planned_quantity": "250",
            "scheduled_start": "2026-12-01T06:00:00Z",
            "scheduled_end": "2026-12-02T06:00:00Z",
        },
        content_type="application/json",
        secure=True,
    ).json()
    address = f"/api/v1/work-orders/{number['id']}/"
    return lambda n: client.patch(
        address,
        {"special_instructions": f"Box number {n}", "reason": "The customer named another box"},
        content_type="application/json",
        secure=True,
    )


def reports(targets: dict[str, Any]) -> Callable[[int], Any]:
    client = program(targets)
    body = {"job_order_id": targets["job_ids"][0], "good": "1"}
    return lambda n: client.post("/api/v1/quantity-reports/", body, content_type="application/json", secure=True)


def interleaved(trail: Trail, ask: Callable[[int], Any], rounds: int) -> dict[str, dict[str, float]]:
    seconds: dict[str, list[float]] = {name: [] for name in TRAILS}
    blocks = [name for name in TRAILS for _block in range(rounds // BLOCK)]
    random.shuffle(blocks)
    counter = iter(range(10**9))
    for _ in range(WARM_UP):
        timed(ask, next(counter))
    for name in blocks:
        with trail(name):
            timed(ask, next(counter))  # the first one after a switch reads the table's definition anew
            seconds[name] += [timed(ask, next(counter)) for _ in range(BLOCK)]
    return {name: {"median": statistics.median(found), "trimmed": trimmed(found)} for name, found in seconds.items()}


def timed(ask: Callable[[int], Any], n: int) -> float:
    begun = time.perf_counter()
    response = ask(n)
    spent = (time.perf_counter() - begun) * 1000
    if response.status_code not in (200, 201):
        sys.exit(f"{response.status_code} {response.content[:500]!r}")
    return spent


def trimmed(values: list[float]) -> float:
    cut = int(len(values) * TRIMMED)
    return statistics.fmean(sorted(values)[cut : len(values) - cut])


def bulk(trail: Trail) -> dict[str, dict[str, float]]:
    make_materials()
    columns = [field.column for field in Material._meta.concrete_fields if field.column != "id"]
    copied = ", ".join("product_code || '-' || %s" if name == "product_code" else name for name in columns)
    return {
        "INSERT": bulk_of(
            trail,
            f"INSERT INTO materials (id, {', '.join(columns)}) SELECT gen_random_uuid(), {copied}"
            " FROM materials WHERE product_code LIKE 'COST-%%'",
        ),
        "UPDATE": bulk_of(
            trail, "UPDATE materials SET product_name = 'Named ' || %s WHERE product_code LIKE 'COST-%%'"
        ),
    }


def bulk_of(trail: Trail, text: str) -> dict[str, float]:
    """Raw SQL, which simple-history does not see; each run is rolled back."""
    found: dict[str, list[float]] = {"none": [], "journal": []}
    for n in range(BULK_ROUNDS):
        for name, times in found.items():
            with trail(name):
                times.append(rolled_back(text, [str(n)]))
    return {name: statistics.median(times) for name, times in found.items()}


def rolled_back(text: str, parameters: list[str]) -> float:
    class Undo(Exception):
        pass

    spent = 0.0
    try:
        with installing("measure_bulk"), connection.cursor() as cursor:
            begun = time.perf_counter()
            cursor.execute(text, parameters)
            spent = (time.perf_counter() - begun) * 1000
            raise Undo
    except Undo:
        return spent


def make_materials() -> None:
    one = Material.objects.first()
    assert one is not None
    rows = []
    for n in range(ROWS):
        row = Material(**{f.attname: getattr(one, f.attname) for f in Material._meta.concrete_fields if f.name != "id"})
        row.product_code = f"COST-{n}"
        rows.append(row)
    with installing("make_materials"):
        Material.objects.bulk_create(rows, batch_size=ROWS)


if __name__ == "__main__":
    main()
