"""The audit trail at ten million entries: what people and auditors ask, against the query one would write instead.

    .venv/bin/python benchmarks/trail_10m.py [--entries 10000000] [--place DIR]

On a PostgreSQL of its own (about 1 GB a million entries), filled by SQL: a year of entries, their leaves, and a
checkpoint for every five. Pages are asked through Django's test client as the application's
role: no socket, everything else. `--place` keeps the filled plant for another run.
"""

import argparse
import datetime as dt
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from _plant import Plant, machine, percentile, plant, table
from kpi_view import one, timed

FILL = Path(__file__).with_name("_trail_fill.sql")
ROUNDS = 5
BUDGET = 200  # ms
NEWEST = "ORDER BY at DESC LIMIT 50"
# Of the filled journal: what is asked, at which address, and the query one would write for it
CASES = (
    ("trail, first page", "/audit/", f"SELECT count(*) FROM journal_entry; SELECT * FROM journal_entry {NEWEST}"),
    ("of one person", "/audit/?who=bench-person", "actor_id = '{person}'"),
    ("of one record", "/audit/work_orders/{key}/", "pk = '{key}'"),
    ("by a common reason", "/audit/?reason=korrigiert", "reason ILIKE '%korrigiert%'"),
    ("by a rare reason", "/audit/?reason=Spindelschaden", "reason ILIKE '%Spindelschaden%'"),
    ("by a changed field", "/audit/?type=work_orders&field=priority", "'priority' = ANY (changed)"),
    ("by station, since a day", "/audit/?station=Saw+3&since={since}", "station ILIKE '%Saw 3%' AND at > '{since}'"),
    ("admin: journal", "/admin/audit/journalentry/", "SELECT count(*) FROM journal_entry"),
    ("admin: seals", "/admin/audit/journalseal/", "SELECT count(*) FROM journal_checkpoint"),
    ("API: proof of an entry", "/api/v1/audit/entries/{entry}/proof/", "SELECT hash FROM journal_leaf ORDER BY idx"),
    (
        "integrity",
        "/audit/integrity/",
        "SELECT count(*) FROM journal_entry e WHERE NOT EXISTS (SELECT FROM journal_leaf l WHERE l.entry_id = e.id)",
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--place", type=Path)
    wanted = parser.parse_args()
    with plant(keep=wanted.place) as bench:
        bench.run("manage.py", "migrate", "--verbosity", "0", **bench.owner)
        os.environ.update(bench.mode("test") | {"ALLOWED_HOSTS": "testserver"})
        import django

        django.setup()
        print(f"{machine()}; load {os.getloadavg()[0]:.1f}")
        fill(bench, wanted.entries)
        measure()
        print(f"load at the end {os.getloadavg()[0]:.1f}")


def fill(bench: Plant, entries: int) -> None:
    if one("SELECT coalesce(max(id), 0) FROM journal_entry") < entries:
        with psycopg.connect(bench.admin, autocommit=True) as connection:  # else every gigabyte waits for a checkpoint
            connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
            connection.execute("SELECT pg_reload_conf()")
        seconds = timed(lambda: bench.load_unwatched(FILL.read_text(encoding="utf-8"), {"entries": entries}))
        print(f"filled in {seconds:.0f} s")
    size = one("SELECT pg_size_pretty(pg_database_size(current_database()))")
    months = one("SELECT count(*) FROM pg_inherits WHERE inhparent = 'journal_entry'::regclass")
    checkpoints = one("SELECT count(*) FROM journal_checkpoint")
    print(f"{entries:,} entries in {months} months, {checkpoints:,} checkpoints, {size}", flush=True)


def measure() -> None:
    from django.test import Client

    client = Client()
    client.force_login(account("auditor"))
    names = {
        "key": one("SELECT pk FROM journal_entry WHERE table_name = 'work_orders' ORDER BY id DESC OFFSET 30 LIMIT 1"),
        "person": one("SELECT id FROM accounts_user WHERE username = 'bench-person'"),
        "entry": one("SELECT entry_id FROM journal_leaf WHERE epoch = 1 AND idx = 123456"),
        "since": (dt.datetime.now(dt.UTC) - dt.timedelta(days=90)).strftime("%Y-%m-%dT%H:%M"),
    }
    rows = []
    for what, address, plainly in CASES:
        rows.append(page(client, what, address.format(**names), plainly.format(**names)))
        print(f"  {what}: {rows[-1][2]:.0f} ms", flush=True)
    table("Pages, ms (median)", ("what", "rows", "ours", "written plainly", "ratio", "searched back to"), rows)
    slow = [row[0] for row in rows if row[2] > BUDGET]
    print(f"over {BUDGET} ms: {', '.join(slow) or 'none'}")
    review()


def page(client: Any, what: str, address: str, plainly: str) -> tuple[Any, ...]:
    answer = client.get(address)
    if answer.status_code != 200:
        sys.exit(f"{address} answers {answer.status_code}")
    html = answer.content.decode()
    rows = html.count('<tr id="entry-') or "-"
    looked = re.search(r"Searched back to (\d{4}-\d\d-\d\d)", html)
    ours = median(lambda: client.get(address), ROUNDS)
    query = plainly if plainly.startswith("SELECT") else f"SELECT * FROM journal_entry WHERE {plainly} {NEWEST}"
    other = timed(lambda: everything(query)) * 1000
    return what, rows, ours, other, f"{other / ours:.0f}x", looked[1] if looked else ""


def review() -> None:
    """A month at once: what a reviewer waits for. There is no cheaper way to have read everything."""
    from django.utils import timezone

    from audit.context import act_as
    from audit.models import TrailReview
    from audit.queries.review import CoveredBy, Period
    from mfg_project.trail.reviews import read_period

    now = timezone.now()
    epoch, size = one("SELECT max(epoch) FROM journal_epoch"), one("SELECT max(size) FROM journal_checkpoint")
    before = TrailReview(epoch=epoch, checkpoint_size=size)
    period = Period("", now - dt.timedelta(days=30), now, before, CoveredBy(epoch, size, ""))
    with act_as(account("qa_manager"), source="benchmark"):
        found = read_period(period)
        ms = median(lambda: read_period(period), 3)
    table(
        "Reviewing a month, ms (median)",
        ("entries", "exceptions", "ours"),
        [(found.entries, sum(found.exceptions.values()), ms)],
    )


def account(role: str) -> Any:
    from django.contrib.auth.models import Group

    from accounts.models import User
    from accounts.services.users import installing

    with installing("set_up_benchmark"):
        user, _made = User.objects.get_or_create(
            username=f"bench-{role}", defaults={"printed_name": f"Bench {role}", "is_staff": True}
        )
        user.groups.add(Group.objects.get(name=role))
        person = one("SELECT actor_id FROM journal_entry WHERE actor_name = 'Person 7' LIMIT 1")
        User.objects.get_or_create(id=person, defaults={"username": "bench-person", "printed_name": "Person 7"})
    return user


def everything(queries: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for query in queries.split(";"):
            cursor.execute(query)
            cursor.fetchall()


def median(call: Callable[[], Any], times: int) -> float:
    call()
    return percentile([timed(call) * 1000 for _ in range(times)], 0.5)


if __name__ == "__main__":
    main()
