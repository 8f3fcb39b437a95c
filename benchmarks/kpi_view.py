"""Key figures at a million orders: reading the kept view, and keeping it, against computing from the facts.

    .venv/bin/python benchmarks/kpi_view.py [--orders 1000000] [--lines 20] [--days 365]

On a PostgreSQL of its own, filled by SQL with a year of orders, counts, states and shifts. "From the facts" is the
plain GROUP BY one would write without the kept base: simpler than ours (it knows no calendar, no planned stops and
no summer time), so the ratios are in its favour.
"""

import argparse
import contextlib
import datetime as dt
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _plant import Plant, machine, percentile, plant, table

FILL = Path(__file__).with_name("_kpi_fill.sql")
FACTS = """
    SELECT day, line_id, s.running, s.planned, q.good, q.made, q.standard, w.orders, w.on_time,
           (s.running / nullif(s.planned, 0)) * (q.standard / nullif(s.running, 0)) * (q.good / nullif(q.made, 0)) AS e
    FROM (SELECT ((started_at AT TIME ZONE 'Asia/Tokyo') - interval '6 h')::date AS day, line_id,
                 sum(extract(epoch FROM ended_at - started_at)) FILTER (WHERE state = 'running') AS running,
                 sum(extract(epoch FROM ended_at - started_at)) AS planned
          FROM equipment_linestateinterval WHERE {states} GROUP BY 1, 2) s
    FULL JOIN (
          SELECT ((reported_at AT TIME ZONE 'Asia/Tokyo') - interval '6 h')::date AS day,
                 q.production_line_id AS line_id, sum(q.good) AS good, sum(q.good + q.scrap + q.rework) AS made,
                 sum((q.good + q.scrap + q.rework) * j.run_time_seconds) AS standard
          FROM production_quantityreport q JOIN production_joborder j ON j.id = q.job_order_id
          WHERE {reports} GROUP BY 1, 2) q USING (day, line_id)
    FULL JOIN (
          SELECT ((actual_end AT TIME ZONE 'Asia/Tokyo') - interval '6 h')::date AS day,
                 production_line_id AS line_id, count(*) AS orders,
                 count(*) FILTER (WHERE actual_end <= scheduled_end) AS on_time
          FROM work_orders WHERE status = 'completed' AND {orders} GROUP BY 1, 2) w USING (day, line_id)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=20)
    parser.add_argument("--days", type=int, default=365)
    wanted = parser.parse_args()
    with plant() as bench:
        bench.run("manage.py", "migrate", "--verbosity", "0", **bench.owner)
        os.environ.update(bench.mode("test") | bench.as_owner)
        import django

        django.setup()
        print(machine())
        measure(bench, wanted.orders, wanted.lines, wanted.days)


def measure(bench: Plant, orders: int, lines: int, days: int) -> None:
    from django.db import connection

    seconds = timed(lambda: fill(bench, orders, lines, days))
    print(f"{orders:,} orders, {lines} lines, {days} days: filled in {seconds:.0f} s, {size_of_facts()} of facts")
    everything = timed(lambda: recompute(everything=True))
    reading(connection)
    keeping(connection, everything)
    connection.close()


def fill(bench: Plant, orders: int, lines: int, days: int) -> None:
    """The rows are consistent by construction."""
    from accounts.services.users import program_user

    program_user("bench", printed_name="Benchmark")
    bench.load_unwatched(FILL.read_text(encoding="utf-8"), {"orders": orders, "lines": lines, "days": days})


def size_of_facts() -> str:
    return one(
        "SELECT pg_size_pretty(sum(pg_total_relation_size(t::regclass))) FROM unnest(ARRAY['work_orders', "
        "'production_joborder', 'production_quantityreport', 'equipment_linestateinterval']) t"
    )


def reading(connection: Any) -> None:
    from equipment.models import ProductionLine
    from production.queries import kpi

    today = dt.date.fromisoformat(str(one("SELECT production_day_of(now())")))
    month = (today - dt.timedelta(days=30), today - dt.timedelta(days=1))
    year = (today - dt.timedelta(days=365), today - dt.timedelta(days=1))
    line = [ProductionLine.objects.order_by("line_code")[0].pk]
    since = "production_day_begin(production_day_of(now()) - 30)"
    all_lines = facts_query(since, "")
    one_line = facts_query(since, f"= '{line[0]}'")
    rows = [
        compared("30 days, all lines: rows of the view", lambda: list(kpi.daily(*month)), lambda: run(all_lines)),
        compared("30 days, one line: rows of the view", lambda: list(kpi.daily(*month, line)), lambda: run(one_line)),
        compared("30 days, all lines: one figure", lambda: kpi.period(*month), lambda: run(all_lines)),
        compared("30 days, all lines: losses with stop reasons", lambda: kpi.losses(*month), lambda: run(all_lines)),
        compared(
            "365 days, all lines: one figure",
            lambda: kpi.period(*year),
            lambda: run(facts_query("production_day_begin(production_day_of(now()) - 365)", "")),
            times=3,
        ),
    ]
    table("Reading, ms (median)", ("what", "kept", "from the facts", "ratio"), rows)


def keeping(connection: Any, everything: float) -> None:
    plain = facts_query("'-infinity'", "")
    run(f"CREATE MATERIALIZED VIEW plain_kpi AS {plain}")
    run("CREATE UNIQUE INDEX ON plain_kpi (day, line_id)")
    whole = median(lambda: run("REFRESH MATERIALIZED VIEW plain_kpi"), 3)
    beside = median(lambda: run("REFRESH MATERIALIZED VIEW CONCURRENTLY plain_kpi"), 3)
    recompute()  # from here on only what is made dirty is dirty
    one_day = median(lambda: run(ONE_DAY), 20)
    beat = median(lambda: (make_dirty(), recompute()), 10)
    table(
        "Keeping, ms (median)",
        ("what", "ms", "times a dirty day"),
        [
            ("one dirty day of one line", one_day, 1),
            ("refresh_kpis: that day, today of every line, the view on top", beat, beat / one_day),
            ("refresh_kpis --everything", everything * 1000, everything * 1000 / one_day),
            ("REFRESH of a plain view from the facts (readers wait)", whole, whole / one_day),
            ("REFRESH CONCURRENTLY of a plain view from the facts", beside, beside / one_day),
        ],
    )


ONE_DAY = """
    SELECT production_recompute_kpi_day(id, production_day_of(now()) - 20),
           production_recompute_kpi_day_stops(id, production_day_of(now()) - 20)
    FROM production_lines ORDER BY line_code LIMIT 1
"""


def make_dirty() -> None:
    from accounts.services.users import installing

    with installing("make_dirty"):
        run(
            "UPDATE equipment_linestateinterval SET comment = 'x' WHERE id = (SELECT max(id) "
            "FROM equipment_linestateinterval WHERE started_at < now() - interval '20 days')"
        )


def recompute(*, everything: bool = False) -> None:
    from production.services.kpi import refresh_kpis

    if refresh_kpis(everything=everything) is None:
        raise RuntimeError("another refresh is at work")


def facts_query(since: str, line: str) -> str:
    def condition(moment: str, column: str) -> str:
        return f"{moment} >= {since}" + (f" AND {column} {line}" if line else "")

    return FACTS.format(
        states=condition("started_at", "line_id"),
        reports=condition("reported_at", "q.production_line_id"),
        orders=condition("actual_end", "production_line_id"),
    )


def compared(what: str, ours: Callable[[], Any], other: Callable[[], Any], *, times: int = 7) -> tuple[Any, ...]:
    kept, computed = median(ours, times), median(other, times)
    return what, kept, computed, f"{computed / kept:.0f}x"


def median(call: Callable[[], Any], times: int) -> float:
    call()
    return percentile([timed(call) * 1000 for _ in range(times)], 0.5)


def timed(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def run(sql: str) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql)
        with contextlib.suppress(Exception):
            return cursor.fetchall()
    return []


def one(sql: str) -> Any:
    return run(sql)[0][0]


if __name__ == "__main__":
    main()
