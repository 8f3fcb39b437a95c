"""Pages and API under a hundred users: the production set-up against the demo's single daphne.

    .venv/bin/python benchmarks/load_100_users.py [--users 100] [--seconds 60] [--orders 20000]

The second table says what of a request is the database's part.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _plant import (
    CPUS,
    PROXY_HEADERS,
    PYTHON,
    BenchError,
    Plant,
    ask,
    background,
    collected_static,
    daphne,
    free_port,
    machine,
    percentile,
    plant,
    table,
)

from deploy.local.supervisor import Child

HERE = Path(__file__).resolve().parent
WARM_UP = 8  # times every page, so that each process has met it
BUDGET_MS, DATABASE_BUDGET_MS = 200, 50
WRITES = ("API report quantity", "API create order")


def main() -> None:
    options = arguments()
    print(f"{machine()}; {options.users} users, 5-15 s between two acts, {options.seconds} s, {options.orders} orders")
    with plant(keep=options.keep) as bench:
        targets = bench.fill(orders=options.orders)
        with collected_static(bench):
            database = database_part(bench, targets)
            production = [measure(bench, "production", targets, options) for _ in range(options.runs)]
        single = [measure(bench, "demo", targets, options) for _ in range(options.runs)]
    show_load(production, single)
    show_database(database)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=60, help="per run and set-up")
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=1, help="repetitions; the table pools them")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the filled database there and use it again")
    return parser.parse_args()


# --- the two set-ups ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(bench: Plant, setup: str) -> Iterator[str]:
    """The programs of a set-up, worker and beat included."""
    port = free_port()
    if setup == "production":
        web = [pages(bench, port), daphne(bench, free_port(), mode="production")]
    else:
        web = [daphne(bench, port, mode="demo")]
    mode = "production" if setup == "production" else "demo"
    with bench.serving([*web, *background(bench, mode=mode)], f"http://127.0.0.1:{port}") as url:
        yield url


def pages(bench: Plant, port: int) -> Child:
    """docs/administrator.md, "Serving": a process per core, two threads so that one may wait for the database."""
    command = [sys.executable, "-m", "gunicorn", "mfg_project.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(CPUS), "--threads", "2"]
    return Child(name="pages", command=command, env=bench.mode("production"))


# --- one run ------------------------------------------------------------------------------------------------


def measure(bench: Plant, setup: str, targets: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    with served(bench, setup) as url:
        targets = targets | {"token": fresh_token(url, targets)}
        warm_up(url, targets)
        return run_locust(bench, url, targets, options)


def fresh_token(url: str, targets: dict[str, Any]) -> str:
    """A token lives for fifteen minutes; all runs together may take longer."""
    status, answer = ask(f"{url}/api/v1/auth/token/refresh/", method="POST", body={"refresh": targets["refresh"]})
    if status != 200:
        raise BenchError(f"no token: {status} {answer[:300]!r}")
    return json.loads(answer)["access"]


def warm_up(url: str, targets: dict[str, Any]) -> None:
    """The first requests of a process load URL patterns and templates; people come later."""
    line, order = targets["lines"][0]["code"], targets["order_ids"][0]
    for _ in range(WARM_UP):
        for path in ("/board/", "/orders/", f"/orders/{order}/", "/kpi/", f"/terminal/line/{line}/"):
            ask(url + path, cookie=targets["sessions"][0])
        ask(f"{url}/api/v1/work-orders/?limit=100", token=targets["token"])


def run_locust(bench: Plant, url: str, targets: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    given, results = bench.state.path / "targets.json", bench.state.path / "results.json"
    given.write_text(json.dumps(targets | {"headers": PROXY_HEADERS}))
    results.unlink(missing_ok=True)
    command = [*PYTHON, "-m", "locust", "-f", str(HERE / "locustfile.py"), "--headless", "--only-summary"]
    command += ["--host", url, "-u", str(options.users), "-r", str(max(10, options.users // 10))]
    command += ["-t", f"{options.seconds}s", "--exit-code-on-error", "0"]
    environment = os.environ | {"BENCH_TARGETS": str(given), "BENCH_RESULTS": str(results)}
    done = subprocess.run(
        command,
        env=environment,
        cwd=bench.state.path,
        capture_output=True,
        text=True,
        timeout=options.seconds + 120,
        check=False,
    )
    if not results.exists():
        raise BenchError(f"locust gave no results:\n{done.stderr[-3000:]}")
    return json.loads(results.read_text()) | {"seconds": options.seconds}


def database_part(bench: Plant, targets: dict[str, Any]) -> list[dict[str, Any]]:
    given = bench.state.path / "targets.json"
    given.write_text(json.dumps(targets))
    return json.loads(bench.run("benchmarks/_database_part.py", str(given), mode="production"))


# --- tables ---------------------------------------------------------------------------------------------------


def show_load(production: list[dict[str, Any]], single: list[dict[str, Any]]) -> None:
    kinds = sorted({kind for run in production + single for kind in run if kind != "seconds"})
    rows = []
    for kind in [*kinds, "all"]:
        ours, theirs = figures(production, kind), figures(single, kind)
        ratio = f"{theirs['p95'] / ours['p95']:.1f} x"
        rows.append([kind, f"{ours['rate']:.1f}", *cells(ours), *cells(theirs), ratio])
    columns = ["req/s", "median", "p95", "p99", "failed"]
    header = ["ms", *columns, *[f"daphne {name}" for name in columns[1:]], "p95 ratio"]
    table(f"Production set-up, then the demo's single daphne (budget: p95 < {BUDGET_MS} ms)", header, rows)
    print()
    for name, runs in (("production", production), ("daphne", single)):
        spread = sorted(percentile(times(run, "all"), 0.95) for run in runs)
        print(f"{name}: p95 of all in {len(runs)} runs {spread[0]:.0f}-{spread[-1]:.0f} ms")
    for failure in sorted({text for run in production + single for kind in kinds for text in failures(run, kind)})[:5]:
        print(f"failed: {failure}", file=sys.stderr)


def cells(values: dict[str, float]) -> list[Any]:
    return [values["median"], values["p95"], values["p99"], int(values["failed"])]


def figures(runs: list[dict[str, Any]], kind: str) -> dict[str, float]:
    """Of all runs together: more samples for the tail."""
    ms = [value for run in runs for value in times(run, kind)]
    return {
        "rate": len(ms) / sum(run["seconds"] for run in runs),
        "median": percentile(ms, 0.5),
        "p95": percentile(ms, 0.95),
        "p99": percentile(ms, 0.99),
        "failed": sum(len(failures(run, kind)) for run in runs),
    }


def times(run: dict[str, Any], kind: str) -> list[float]:
    return _of(run, kind, "ms")


def failures(run: dict[str, Any], kind: str) -> list[str]:
    return _of(run, kind, "failures")


def _of(run: dict[str, Any], kind: str, what: str) -> list[Any]:
    chosen = [run.get(kind)] if kind != "all" else [value for name, value in run.items() if name != "seconds"]
    return [value for found in chosen if found for value in found[what]]


def show_database(pages: list[dict[str, Any]]) -> None:
    rows = [
        [
            page["name"],
            page["queries"],
            page["database_ms"],
            page["total_ms"],
            f"{page['database_ms'] / page['total_ms']:.0%}",
        ]
        for page in pages
    ]
    header = ["one request, one process, nobody else", "queries", "database ms", "whole ms", "share"]
    table(f"The database's part of a request (budget: < {DATABASE_BUDGET_MS} ms)", header, rows)


if __name__ == "__main__":
    main()
