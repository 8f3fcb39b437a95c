"""A whole plant in processes of its own, for live and browser tests: PostgreSQL, Redis, daphne, worker, beat.

The simulator stays off, so that what a test sees is what the test did.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg

from deploy.local import postgres, redis
from deploy.local.state import ROOT, State, listen_from
from deploy.local.supervisor import Child, Supervisor

PATIENCE = 60.0
# Who writes when a test puts a row in by SQL.
ACT = json.dumps(
    {
        "type": "system",
        "name": "Test",
        "code": "arrange_test",
        "request": str(uuid4()),
        "source": "test",
        "version": "test",
    }
)


class RunningPlant:
    """`start`, `kill` and `stop` take a program's name: postgres, redis, web, worker, beat."""

    def __init__(self, place: Path) -> None:
        self.state = State(place)
        self.supervisor = Supervisor(self.state, "live")
        self.env: dict[str, str] = {}
        self.url = ""
        self.children: dict[str, Child] = {}

    def start_all(self) -> None:
        binaries = os.environ.get("POSTGRES_BINARIES")
        # Not a throwaway cluster: those do not wait for the disk, and what is tested here is that nothing is lost.
        self.cluster = postgres.prepare(self.state, "live-pg", binaries=Path(binaries) if binaries else None)
        self.admin_url = postgres.start(self.supervisor, self.cluster)
        self.urls = postgres.addresses(self.state, self.admin_url, plant="genba")
        redis_url, _kind = redis.start(self.supervisor, self.state, label="live-redis")
        self.env = {
            "GENBA_MODE": "demo",
            "DATABASE_URL": self.urls["app"],
            "REDIS_URL": redis_url,
            "CHANNEL_PREFIX": f"live-{self.state.key}",
            "DJANGO_SETTINGS_MODULE": "mfg_project.settings",
            "LOG_LEVEL": "WARNING",
        }
        self.manage("migrate", "--verbosity", "0", DATABASE_OWNER_URL=self.urls["owner"])
        self.manage("load_demo")
        self.start_programs()

    def start_programs(self) -> None:
        server = listen_from(0)
        port = server.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        celery = [sys.executable, "-m", "celery", "-A", "mfg_project"]
        daphne = [sys.executable, "-m", "daphne", "--fd", str(server.fileno()), "mfg_project.asgi:application"]
        worker = [*celery, "worker", "-P", "threads", "-c", "1", "-n", f"live-{port}@%h", "--without-mingle"]
        worker += ["-Q", "celery,seal"]
        sealer = {"DATABASE_SEALER_URL": self.urls["sealer"], "JOURNAL_KEY_FILE": str(self.state.signing_key())}
        for child in (
            Child(name="web", command=daphne, env=self.env, sockets=(server,)),
            Child(name="worker", command=worker, env=self.env | sealer),
            Child(name="beat", command=[*celery, "beat", "--pidfile="], env=self.env),
        ):
            self.children[child.name] = child
            self.supervisor.start(child)
        self.wait_for("/health")

    def manage(self, *command: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=os.environ | self.env | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def kill(self, name: str) -> None:
        """As a power cut would: no chance to tidy up."""
        process = self.supervisor.running[name].process
        process.kill()
        process.wait(timeout=10)

    def restart(self, name: str) -> None:
        self.supervisor.start(self.supervisor.running[name].child)

    def status(self, path: str, *, cookie: str = "", patience: float = 10) -> int:
        """With a session's cookie as that person."""
        request = urllib.request.Request(self.url + path, headers={"Cookie": f"sessionid={cookie}"} if cookie else {})
        try:
            with urllib.request.urlopen(request, timeout=patience) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code

    def wait_for(self, path: str, status: int = 200) -> None:
        deadline = time.monotonic() + PATIENCE
        seen: object = None
        while time.monotonic() < deadline:
            with suppress(OSError):
                seen = self.status(path)
                if seen == status:
                    return
            time.sleep(0.2)
        logs = "\n".join(f"{name}: {self.supervisor.log_tail(name)}" for name in self.supervisor.running)
        raise AssertionError(f"{path} answered {seen}, not {status}\n{logs}")

    def rows(self, query: str, *parameters: object) -> list[tuple]:
        with psycopg.connect(self.env["DATABASE_URL"]) as connection:
            connection.execute("SELECT set_config('genba.act', %s, true)", [ACT])
            return connection.execute(query, parameters).fetchall()

    def stop(self) -> None:
        self.supervisor.stop()


@contextmanager
def running_plant() -> Iterator[RunningPlant]:
    with tempfile.TemporaryDirectory(prefix="genba live ") as place:
        os.chmod(place, 0o755)  # under root PostgreSQL runs as another user and has to pass through
        plant = RunningPlant(Path(place) / "plant")
        try:
            plant.start_all()
            yield plant
        finally:
            plant.stop()
