"""A plant to measure: PostgreSQL and Redis of its own, filled once, served one way after another.

Imported as a sibling by the scripts beside it, so that `python benchmarks/<script>.py` needs no installation.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from deploy.local import postgres, redis  # noqa: E402
from deploy.local.state import State, listen  # noqa: E402
from deploy.local.supervisor import Child, Supervisor  # noqa: E402

PATIENCE = 60.0
LOADING_SECONDS = 600
CPUS = os.cpu_count() or 2
PYTHON = [sys.executable, "-X", "utf8"]
# What nginx adds in front of us in production.
PROXY_HEADERS = {"X-Forwarded-Proto": "https"}


class BenchError(Exception):
    """Says why there is no figure."""


class Plant:
    """Children are ended by `stop`; the database lives as long as `place`."""

    def __init__(self, place: Path, *, fake_redis: bool = False, cluster: str = "bench-pg") -> None:
        self.state = State(place)
        self.cluster = cluster
        self.supervisor = Supervisor(self.state, "bench")
        self.supervisor.catch_signals()
        self.fake_redis = fake_redis
        self.env: dict[str, str] = {}

    def start_services(self) -> None:
        self.supervisor.end_leftovers()
        cluster = postgres.prepare(self.state, self.cluster)  # with fsync: a write costs what it costs
        self.admin = postgres.start(self.supervisor, cluster)
        urls = postgres.addresses(self.state, self.admin, plant="genba")
        self.owner = {"DATABASE_OWNER_URL": urls["owner"]}
        self.sealer = {"DATABASE_SEALER_URL": urls["sealer"], "JOURNAL_KEY_FILE": str(self.state.signing_key())}
        self.env = {
            "DATABASE_URL": urls["app"],
            "REDIS_URL": self._start_redis(),
            "CHANNEL_PREFIX": f"bench-{self.state.key}",
            "DJANGO_SETTINGS_MODULE": "mfg_project.settings",
            "SECRET_KEY": self.state.secret("secret-key"),  # one for both modes: sessions are valid in both
            "ALLOWED_HOSTS": "127.0.0.1",
            "LOG_LEVEL": "WARNING",
        }

    def _start_redis(self) -> str:
        if not self.fake_redis:
            url, kind = redis.start(self.supervisor, self.state, label="bench-redis")
            if kind != "redis-server":
                raise BenchError("redis-server is not on PATH")
            return url
        port = free_port()
        self.supervisor.start(redis.fake(port))
        url = f"redis://127.0.0.1:{port}/0"
        if not redis.answers(self.supervisor, url):
            raise BenchError("fakeredis does not answer")
        return url

    # --- running programs of ours -------------------------------------------------------------------

    def mode(self, mode: str) -> dict[str, str]:
        """The environment of a process in this mode; in production as behind the proxy of docs/administrator.md."""
        extra = {"BEHIND_PROXY": "1"} if mode == "production" else {}
        return os.environ | self.env | extra | {"GENBA_MODE": mode}

    def run(self, *command: str, mode: str = "demo", timeout: float = LOADING_SECONDS, **environment: str) -> str:
        done = subprocess.run(
            [*PYTHON, *command],
            cwd=ROOT,
            env=self.mode(mode) | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout

    def fill(self, *, orders: int) -> dict[str, Any]:
        """Migrate, load the demo, multiply its past; what the measurements then ask for, by name."""
        self.run("manage.py", "migrate", "--verbosity", "0", **self.owner)
        self.run("manage.py", "load_demo")
        return json.loads(self.run("benchmarks/_fill.py", "--orders", str(orders), **self.as_owner))

    @property
    def as_owner(self) -> dict[str, str]:
        """For a process that makes tables or VACUUMs."""
        return {"DATABASE_URL": self.owner["DATABASE_OWNER_URL"]}

    def load_unwatched(self, text: str, values: dict[str, Any]) -> None:
        """Run SQL as the administrator while triggers and foreign keys rest: a past made up, not journalled."""
        always = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled = 'A'"
        with psycopg.connect(self.admin) as connection:
            guards = connection.execute(always).fetchall()
            connection.execute("SET session_replication_role = replica")
            for table_name, name in guards:
                connection.execute(f"ALTER TABLE {table_name} DISABLE TRIGGER {name}")
            psycopg.ClientCursor(connection).execute(text, values)
            for table_name, name in guards:
                connection.execute(f"ALTER TABLE {table_name} ENABLE ALWAYS TRIGGER {name}")
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    @contextlib.contextmanager
    def serving(self, children: Sequence[Child], url: str) -> Iterator[str]:
        try:
            for child in children:
                self.supervisor.start(child)
            self.wait_for(f"{url}/health", children[0].name)
            yield url
        finally:
            self.supervisor.stop(*(child.name for child in children))

    def wait_for(self, url: str, name: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.supervisor.alive(name):
            with contextlib.suppress(OSError):
                ask(url)
                return
            self.supervisor.pause(0.1)
        raise BenchError(f"{name} does not answer:\n{self.supervisor.log_tail(name)}")

    def stop(self) -> None:
        self.supervisor.stop()


@contextlib.contextmanager
def plant(*, keep: Path | None = None, fake_redis: bool = False) -> Iterator[Plant]:
    """Services started, and ended whatever happens. `keep` names a place that outlives the run."""
    with contextlib.ExitStack() as stack:
        place = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="genba-bench-")))
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)  # under root PostgreSQL runs as another user and has to pass through
        new = Plant(place, fake_redis=fake_redis)
        stack.callback(new.stop)
        new.start_services()
        yield new


@contextlib.contextmanager
def collected_static(bench: Plant) -> Iterator[None]:
    """Production serves hashed static files; they are made for the run unless they are there already."""
    target = ROOT / "staticfiles"
    ours = not target.exists()
    try:
        bench.run("manage.py", "collectstatic", "--noinput", "--verbosity", "0", mode="production")
        yield
    finally:
        if ours:
            shutil.rmtree(target, ignore_errors=True)


def daphne(bench: Plant, port: int, *, mode: str, name: str = "daphne") -> Child:
    command = [*PYTHON, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "mfg_project.asgi:application"]
    return Child(name=name, command=command, env=bench.mode(mode))


def background(bench: Plant, *, mode: str) -> list[Child]:
    """What runs beside the web processes in every set-up."""
    celery = [*PYTHON, "-m", "celery", "-A", "mfg_project"]
    worker = [
        *celery,
        "worker",
        "-P",
        "threads",
        "-c",
        "2",
        "-n",
        "bench@%h",
        "-Q",
        "celery,seal",
        "--without-gossip",
        "--without-mingle",
    ]
    return [
        Child(name="worker", command=worker, env=bench.mode(mode) | bench.sealer),
        Child(name="beat", command=[*celery, "beat", "--pidfile="], env=bench.mode(mode)),
    ]


def free_port() -> int:
    server = listen(0)
    if server is None:
        raise BenchError("the system has no free port on 127.0.0.1")
    with server:
        return server.getsockname()[1]


def ask(
    url: str,
    *,
    method: str = "GET",
    body: Any = None,
    cookie: str = "",
    token: str = "",
    timeout: float = 30,
) -> tuple[int, bytes]:
    """One request; a refusal is an answer as well."""
    headers = dict(PROXY_HEADERS)
    headers |= {"Cookie": f"sessionid={cookie}"} if cookie else {}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


# --- figures --------------------------------------------------------------------------------------------


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed; an empty sequence has none."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """As Markdown, so that it can be taken over into docs/performance.md as it is."""
    cells = [list(header), *[[shown(cell) for cell in row] for row in rows]]
    widths = [max(len(row[n]) for row in cells) for n in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * width if n == 0 else "-" * (width - 1) + ":") for n, width in enumerate(widths)]
    print(f"\n{title}\n")
    print("\n".join([line(cells[0]), line(rule), *[line(row) for row in cells[1:]]]), flush=True)


def shown(cell: Any) -> str:
    if isinstance(cell, float):
        return "—" if cell != cell else f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.1f}"
    return str(cell)


def machine() -> str:
    load = os.getloadavg()[0]
    return f"{time.strftime('%Y-%m-%d %H:%M')}, {CPUS} cores, load before {load:.1f}, Python {sys.version.split()[0]}"
