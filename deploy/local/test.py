"""`make test`: every check and every test, on a PostgreSQL and a Redis of their own.

make test                      everything
make test ARGS="-k board -x"   with arguments for pytest
make check                     everything but the tests
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from deploy.local import postgres, redis
from deploy.local.state import ROOT, LaunchError, State, say, warn
from deploy.local.supervisor import StopRequested, Supervisor, tether

PYTHON = sys.executable
IMPORT_LINTER = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CHECKS = {
    "ruff": ["-m", "ruff", "check", "."],
    "format": ["-m", "ruff", "format", "--check", "."],
    "types": ["-m", "mypy", "."],
    "imports": ["-c", IMPORT_LINTER],
    "templates": ["-m", "djlint", "templates", "--lint", "--quiet"],
    "migrations": ["manage.py", "makemigrations", "--check", "--dry-run"],
}


def main() -> int:
    options, pytest_arguments = arguments().parse_known_args()
    try:
        state = State()
        with state.lock("test"):
            return with_services(state, options, pytest_arguments)
    except LaunchError as reason:
        warn(str(reason))
        return 1


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checks-only", action="store_true", help="lint, types, imports, migrations")
    parser.add_argument("--tests-only", action="store_true", help="only pytest")
    parser.add_argument("--postgres", type=Path, metavar="DIR", help="use the PostgreSQL binaries in DIR")
    return parser


def with_services(state: State, options: argparse.Namespace, pytest_arguments: list[str]) -> int:
    supervisor = Supervisor(state, "test")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` runs
    try:
        supervisor.end_leftovers()
        set_environment(state)
        start_services(supervisor, state, options.postgres)
        failed = run_steps(options, pytest_arguments)
    except (KeyboardInterrupt, StopRequested):
        failed = ["interrupted"]
    finally:
        supervisor.stop()
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def set_environment(state: State) -> None:
    os.environ["GENBA_MODE"] = "test"
    os.environ["DJANGO_SETTINGS_MODULE"] = "mfg_project.settings"
    os.environ.setdefault("CHANNEL_PREFIX", f"genba-test-{state.key}")


def start_services(supervisor: Supervisor, state: State, binaries: Path | None) -> None:
    if os.environ.get("DATABASE_URL"):
        say("PostgreSQL from DATABASE_URL")
    else:
        if binaries:
            os.environ["POSTGRES_BINARIES"] = str(binaries)  # for the plants that live tests start
        cluster = postgres.prepare(state, "test-pg", binaries=binaries, throwaway=True)
        os.environ["DATABASE_URL"] = postgres.start(supervisor, cluster)
        say(f"PostgreSQL {postgres.major_version(cluster.binaries)}")
    if not os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"], kind = redis.start(supervisor, state, label="test-redis")
        say(f"Redis ({kind})")


def run_steps(options: argparse.Namespace, pytest_arguments: list[str]) -> list[str]:
    """Every step, also after a failure: one round shows all there is to mend. Returns the failed ones."""
    failed = []
    if not options.tests_only:
        failed = [name for name, command in CHECKS.items() if not step(name, command, quiet=True)]
    if not options.checks_only:
        workers = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]  # tests/conftest.py orders them
        if not step("tests", ["-m", "pytest", *workers, *pytest_arguments]):
            failed.append("tests")
    return failed


def step(name: str, command: list[str], *, quiet: bool = False) -> bool:
    begun = time.monotonic()
    done = subprocess.run(
        [PYTHON, *command],
        cwd=ROOT,
        capture_output=quiet,
        text=True,
        check=False,
        preexec_fn=tether(signal.SIGTERM),
    )
    good = done.returncode == 0
    if quiet and not good:
        say(f"{done.stdout}{done.stderr}".rstrip())
    say(f"{name:<12}{'ok' if good else 'FAILED':<8}{time.monotonic() - begun:6.1f} s")
    return good


if __name__ == "__main__":
    sys.exit(main())
