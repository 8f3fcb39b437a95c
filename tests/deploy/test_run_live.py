"""`make run` for real: a living plant, a sudden death, another start, and Ctrl-C that leaves nothing."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.postgres import SHARED_PLACE
from deploy.local.state import ROOT, State
from deploy.local.supervisor import identity
from tests.deploy.test_launcher_supervisor import wait_until

CHILDREN = {"postgres", "redis", "web", "worker", "beat", "simulator"}
LONGEST_S = 180


@contextlib.contextmanager
def launched(place: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    # Empty is "none given"; unset would let a developer's .env name a real database.
    environment = {"GENBA_STATE": str(place), "PORT": str(port), "DATABASE_URL": "", "REDIS_URL": ""}
    launcher = subprocess.Popen(
        [sys.executable, "-m", "deploy.local.run"],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    guard = threading.Timer(LONGEST_S, launcher.terminate)
    guard.start()
    with launcher:
        try:
            yield launcher
        finally:
            guard.cancel()
            launcher.terminate()


def said_until(launcher: subprocess.Popen[str], text: str) -> str:
    said = ""
    for line in launcher.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"it ended without saying {text!r}:\n{said}")


def status_of(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status


def children_of(place: Path) -> dict[str, int]:
    return {child["name"]: child["pid"] for child in json.loads((place / "children-run.json").read_text())}


def belonging_to(place: Path) -> set[int]:
    """Processes whose environment names this state directory: the launcher's descendants, also forgotten ones."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (process / "environ").read_bytes().split(b"\0")
            if f"GENBA_STATE={place}".encode() in environment and identity(int(process.name)):
                found.add(int(process.name))
    return found


@pytest.mark.live
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_one_command_gives_a_living_plant_that_survives_kill_and_ends_whole(place, free_port):
    state = State(place)
    try:
        with launched(place, free_port) as first:
            url = re.search(r"Open (\S+)", said_until(first, "Open "))[1]
            assert status_of(f"{url}health") == 200
            assert set(children_of(place)) == CHILDREN

            os.kill(first.pid, signal.SIGKILL)

        with launched(place, free_port) as second:
            assert f"Open {url}" in said_until(second, "Open ")  # the port is free again
            assert status_of(url) == 200
            children = children_of(place)
            assert all(identity(pid) for pid in children.values())

            os.kill(second.pid, signal.SIGINT)
            said_until(second, "nothing is left running")
            assert second.wait(timeout=10) == 0

        assert not any(identity(pid) for pid in children.values())
        assert wait_until(lambda: not belonging_to(place))
    finally:
        if (private := SHARED_PLACE / f"genba-{state.key}").exists():
            subprocess.run(["rm", "-rf", private], check=True)
