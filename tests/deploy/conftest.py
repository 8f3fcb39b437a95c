"""Places and supervisors for the launcher's tests; every process started here is ended here."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.state import State
from deploy.local.supervisor import Supervisor


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a space in its name that an unprivileged user can reach (pytest's own is closed)."""
    outer = Path(tempfile.mkdtemp(prefix="genba test "))
    outer.chmod(0o755)
    yield outer / "a plant"
    shutil.rmtree(outer)


@pytest.fixture
def state(place: Path) -> State:
    return State(place)


@pytest.fixture
def supervisor(state: State) -> Iterator[Supervisor]:
    supervisor = Supervisor(state, "test")
    yield supervisor
    supervisor.stop()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]
