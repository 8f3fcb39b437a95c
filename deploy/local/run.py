"""`make run`: PostgreSQL, Redis, web, worker, beat and simulator as children of this process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local import postgres, redis
from deploy.local.state import ROOT, LaunchError, State, listen_from, load_env_file, say, warn, write_json
from deploy.local.supervisor import LIBC, PR_SET_PDEATHSIG, Child, StopRequested, Supervisor

PYTHON = [sys.executable, "-X", "utf8"]
WEB_PATIENCE = 90.0
TOLD = ("GENBA_MODE", "SECRET_KEY", "DATABASE_URL", "REDIS_URL", "CHANNEL_PREFIX")


def main() -> int:
    started = time.monotonic()
    try:
        load_env_file(ROOT / ".env")
        state = State()
        with state.lock("run") as note:
            return launch(state, note, started)
    except LaunchError as reason:
        warn(str(reason))
        return 1


def launch(state: State, note: Path, started: float) -> int:
    supervisor = Supervisor(state, "run")
    supervisor.catch_signals()
    end_with_make()
    say("Genba")
    try:
        if count := supervisor.end_leftovers():
            say(f"  ended {count} processes left from an earlier run")
        keep_one_old_log(state)
        set_environment(state)
        secrets = start_services(supervisor, state)
        write_json(state.environment, {name: os.environ[name] for name in TOLD} | secrets.owner | secrets.sealer)
        web, *others = programs(choose_port(), secrets)
        supervisor.start(web)  # it needs the database only for its first request, and as long to start
        prepare_database(supervisor, state, secrets)
        for child in others:
            supervisor.start(child)
        say("  web, worker, beat and simulator started")
        url = wait_for_web(supervisor, web)
        note.write_text(f"Open {url}")
        say(f"  ready in {time.monotonic() - started:.1f} s\n\n  Open {url}\n")
        say(f"  Ctrl-C ends everything. Logs: {shown(state.log)}")
        while not terminal_is_gone():
            supervisor.pause(0.5)
            supervisor.tend()
    except StopRequested:
        pass
    finally:
        say("\n  ending")
        supervisor.stop()
        say("  ended; nothing is left running")
    return 0


def end_with_make() -> None:
    """When `make` itself is killed there is no terminal left that could end us."""
    if LIBC is not None and "MAKELEVEL" in os.environ:
        LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def terminal_is_gone() -> bool:
    """A closed window tells only the session's first process; when that is `make`, we have to look."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def keep_one_old_log(state: State) -> None:
    for log in state.log.glob("*.log"):
        log.replace(log.with_suffix(".log.old"))


def set_environment(state: State) -> None:
    os.environ["GENBA_MODE"] = "demo"
    os.environ["DJANGO_SETTINGS_MODULE"] = "mfg_project.settings"
    os.environ["PYTHONUNBUFFERED"] = "1"
    os.environ.setdefault("SECRET_KEY", state.secret("secret-key"))
    # The same disk proves little; it shows what a plant names outside of its machine
    os.environ.setdefault("JOURNAL_WITNESS_FILES", str(state.path / "witness.txt"))
    os.environ.setdefault("CHANNEL_PREFIX", f"genba-{state.key}")  # two checkouts may share one Redis


@dataclass(frozen=True)
class Secrets:
    """What single programs are told beyond the environment of all: migrations the owner, the worker the sealer."""

    owner: dict[str, str]
    sealer: dict[str, str]


def start_services(supervisor: Supervisor, state: State) -> Secrets:
    """PostgreSQL and Redis run, and the environment names them."""
    if os.environ.get("DATABASE_URL"):
        say("  PostgreSQL from DATABASE_URL")
        admin = os.environ["DATABASE_URL"]
        plant = urlsplit(admin).path.strip("/")
    else:
        cluster = postgres.prepare(state, "plant-pg")
        admin, plant = postgres.start(supervisor, cluster), postgres.ROLE
        say(f"  PostgreSQL {postgres.major_version(cluster.binaries)}, data in {shown(cluster.data)}")
    owner, sealer = os.environ.pop("DATABASE_OWNER_URL", ""), os.environ.pop("DATABASE_SEALER_URL", "")
    if not owner:  # given by an administrator they stay as they are
        urls = postgres.addresses(state, admin, plant=plant)
        os.environ["DATABASE_URL"], owner, sealer = urls["app"], urls["owner"], urls["sealer"]
    if os.environ.get("REDIS_URL"):
        say("  Redis from REDIS_URL")
    else:
        os.environ["REDIS_URL"], kind = redis.start(supervisor, state)
        say(f"  Redis ({kind})")
    key = os.environ.pop("JOURNAL_KEY_FILE", "") or str(state.signing_key())
    return Secrets({"DATABASE_OWNER_URL": owner}, {"DATABASE_SEALER_URL": sealer, "JOURNAL_KEY_FILE": key})


def prepare_database(supervisor: Supervisor, state: State, secrets: Secrets) -> None:
    """One process for both commands: starting Django takes longer than either has to do when warm."""
    begun = time.monotonic()
    loaded_before = state.path / "demo-loaded"
    if not loaded_before.exists():
        say("  loading the demo plant with 90 days of history, about half a minute, once")
    child = Child(name="setup", command=[*PYTHON, "-m", "deploy.local.prepare"], env=named("setup") | secrets.owner)
    if supervisor.run(child):
        raise LaunchError(f"The database could not be prepared:\n{supervisor.log_tail('setup')}")
    loaded_before.touch()
    say(f"  database migrated, demo plant loaded ({time.monotonic() - begun:.1f} s)")


def choose_port() -> socket.socket:
    asked = os.environ.get("PORT") or "8000"
    if not asked.isdecimal() or not 0 < int(asked) < 65536:
        raise LaunchError(f"PORT is a number from 1 to 65535, not {asked}.")
    wanted = int(asked)
    server = listen_from(wanted)
    port = server.getsockname()[1]
    if port != wanted:
        say(f"  port {wanted} is busy, taking {port}")
    return server


def programs(server: socket.socket, secrets: Secrets) -> list[Child]:
    """The listening socket stays ours: while the web process restarts, browsers wait instead of failing."""
    port = server.getsockname()[1]
    daphne = [*PYTHON, "-m", "daphne", "--fd", str(server.fileno()), "mfg_project.asgi:application"]
    celery = [*PYTHON, "-m", "celery", "-A", "mfg_project"]
    worker = [
        *celery,
        "worker",
        "-l",
        "INFO",
        "-P",
        "threads",
        "-c",
        "2",
        "-n",
        f"genba-{port}@%h",
        "-Q",
        "celery,seal",
    ]
    beat = [*celery, "beat", "-l", "INFO", "--pidfile="]
    simulator = [*PYTHON, "manage.py", "run_simulator"]
    return [
        Child(name="web", command=daphne, env=named("web"), sockets=(server,)),
        Child(
            name="worker",
            command=[*worker, "--without-gossip", "--without-mingle"],
            env=named("worker") | secrets.sealer,
        ),
        Child(name="beat", command=beat, env=named("beat")),
        Child(name="simulator", command=simulator, env=named("simulator")),
    ]


def named(program: str) -> dict[str, str]:
    """Shown by PostgreSQL for each connection."""
    return {"APPLICATION_NAME": f"genba-{program}"}


def wait_for_web(supervisor: Supervisor, web: Child) -> str:
    """The address to open, once it answers."""
    url = f"http://127.0.0.1:{web.sockets[0].getsockname()[1]}/"
    deadline = time.monotonic() + WEB_PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}health", timeout=5) as answer:  # noqa: S310 ours
            if answer.status == 200:
                return url
        supervisor.tend()
        supervisor.pause(0.2)
    raise LaunchError(f"The web process does not answer:\n{supervisor.log_tail('web')}")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


if __name__ == "__main__":
    sys.exit(main())
