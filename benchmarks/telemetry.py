"""Readings over HTTP: how many a second are stored, how long each batch waits, and that none is lost.

    .venv/bin/python benchmarks/telemetry.py [--seconds 20] [--influxd /usr/bin/influxd]

The production set-up (gunicorn, two threads a worker) against InfluxDB under the same client, when its program is given
or on PATH, and against Django's bulk_create. The client runs on the same machine and is in every figure.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
from _plant import CPUS, BenchError, Plant, ask, collected_static, free_port, machine, percentile, plant, table

from deploy.local.supervisor import Child

SERIES = 1000
CONNECTIONS = 4
INFLUX_CONF = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{place}/meta"
[data]
  dir = "{place}/data"
  wal-dir = "{place}/wal"
  wal-fsync-delay = "0s"
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement")
    parser.add_argument("--influxd", default=shutil.which("influxd"), help="InfluxDB 1.x, Debian's package influxdb")
    options = parser.parse_args()
    print(f"{machine()}; {SERIES} series, {CONNECTIONS} connections, {options.seconds} s each")
    with plant() as bench:
        bench.run("manage.py", "migrate", "--verbosity", "0", **bench.owner)
        key = json.loads(bench.run("benchmarks/_telemetry_part.py", "set_up", str(SERIES)))["key"]
        with collected_static(bench), served(bench) as url:
            ours = Target("Genba", f"{url}/api/v2/write?precision=ns", {"Authorization": f"Token {key}"})
            rows = [closed(ours, size, options.seconds) for size in (1000, 5000)]
            offered = [open_loop(ours, rate, options.seconds) for rate in (50_000, 100_000)]
            acknowledged = sum(row.acknowledged for row in (*rows, *offered))
            with psycopg.connect(bench.admin) as connection:
                stored = connection.execute("SELECT count(*) FROM telemetry_reading").fetchone()[0]
        with influx(bench, options.influxd) as other:
            theirs = [closed(other, size, options.seconds) for size in (1000, 5000)] if other else []
        bulk = float(json.loads(bench.run("benchmarks/_telemetry_part.py", "bulk_create"))["a_second"])
    show(rows, offered, theirs, bulk)
    print(
        f"\nacknowledged {acknowledged:,}, stored {stored:,}: {'none lost' if stored == acknowledged else 'NOT EQUAL'}"
    )


class Target:
    def __init__(self, name: str, url: str, headers: dict[str, str]) -> None:
        self.name, self.headers = name, headers | {"X-Forwarded-Proto": "https", "Content-Type": "text/plain"}
        parts = urlsplit(url)
        self.host, self.path = parts.netloc, f"{parts.path}?{parts.query}"


class Found:
    def __init__(self, target: str, size: int, offered: int | None) -> None:
        self.target, self.size, self.offered = target, size, offered
        self.ms: list[float] = []
        self.acknowledged, self.seconds = 0, 0.0

    @property
    def a_second(self) -> float:
        return self.acknowledged / self.seconds


def closed(target: Target, size: int, seconds: int) -> Found:
    """Each connection sends the next batch when the last one is acknowledged."""
    return sent(target, size, seconds, None)


def open_loop(target: Target, rate: int, seconds: int) -> Found:
    """Batches of 1000 are due at fixed moments; a late answer counts from when its batch was due."""
    return sent(target, 1000, seconds, rate)


def sent(target: Target, size: int, seconds: int, rate: int | None) -> Found:
    found, clock = Found(target.name, size, rate), Clock()
    begun = time.perf_counter()
    pause = size * CONNECTIONS / rate if rate else 0.0

    def run(worker: int) -> None:
        connection = http.client.HTTPConnection(target.host)
        due = begun + pause * worker / CONNECTIONS
        while time.perf_counter() - begun < seconds:
            if rate:
                time.sleep(max(0.0, due - time.perf_counter()))
            body = clock.batch(size)
            asked = due if rate else time.perf_counter()
            connection.request("POST", target.path, body, target.headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 204:
                raise BenchError(f"{target.name} answers {answer.status} {text[:200]!r}")
            found.ms.append((time.perf_counter() - asked) * 1000)
            found.acknowledged += size
            due += pause

    threads = [threading.Thread(target=run, args=[worker]) for worker in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.seconds = time.perf_counter() - begun
    return found


class Clock:
    """Lines of the present: every series in turn, a microsecond between two readings. No two are of one moment."""

    lock = threading.Lock()
    at = time.time_ns() // 1000

    def batch(self, size: int) -> bytes:
        with self.lock:
            first = self.at
            Clock.at += size
        return "\n".join([
            f"bench,m=M{n % SERIES // 10} s{n % SERIES}={n % 977}.25 {first + n}000" for n in range(size)
        ]).encode()  # fmt: skip


@contextlib.contextmanager
def served(bench: Plant) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "mfg_project.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(CPUS), "--threads", "2"]
    child = Child(name="web", command=command, env=bench.mode("production"))
    with bench.serving([child], f"http://127.0.0.1:{port}") as url:
        yield url


@contextlib.contextmanager
def influx(bench: Plant, program: str | None) -> Iterator[Target | None]:
    """InfluxDB 1.x as Debian has it, told to fsync every write: what it acknowledges it keeps, as we do."""
    if not program:
        print("no influxd: its column is left out (Debian's package influxdb)")
        yield None
        return
    place, port = bench.state.path / "influx", free_port()
    place.mkdir()
    conf = place / "influx.conf"
    conf.write_text(INFLUX_CONF.format(place=place, port=port, rpc=free_port()))
    child = Child(name="influxd", command=[program, "-config", str(conf)], env=dict(os.environ))
    try:
        bench.supervisor.start(child)
        bench.wait_for(f"http://127.0.0.1:{port}/ping", child.name)
        ask(f"http://127.0.0.1:{port}/query?q=CREATE+DATABASE+bench", method="POST")
        yield Target("InfluxDB", f"http://127.0.0.1:{port}/write?db=bench&precision=ns", {})
    finally:
        bench.supervisor.stop(child.name)


def show(ours: list[Found], offered: list[Found], theirs: list[Found], bulk: float) -> None:
    others = {found.size: found.a_second for found in theirs}
    table(
        "As fast as each connection is answered (closed loop)",
        [
            "readings a request",
            "stored a second",
            "median ms",
            "p95 ms",
            "InfluxDB a second",
            "share",
            "to bulk_create",
        ],
        [
            [
                str(f.size),
                f.a_second,
                percentile(f.ms, 0.5),
                percentile(f.ms, 0.95),
                others.get(f.size, float("nan")),
                f"{f.a_second / others[f.size]:.2f}" if f.size in others else "—",
                f"{f.a_second / bulk:.1f} x",
            ]
            for f in ours
        ],
    )
    table(
        "Offered at a fixed rate, 1000 a request (budget: 100,000 a second, p95 < 100 ms)",
        ["offered a second", "stored a second", "median ms", "p95 ms", "p99 ms"],
        [
            [f"{f.offered:,}", f.a_second, percentile(f.ms, 0.5), percentile(f.ms, 0.95), percentile(f.ms, 0.99)]
            for f in offered
        ],
    )


if __name__ == "__main__":
    main()
