import os
import socket
import stat
import subprocess
import sys

import pytest

from deploy.local.manage import environment_of_running
from deploy.local.state import (
    ROOT,
    LaunchError,
    State,
    listen_from,
    load_env_file,
    remembered_port,
    secret_file,
    write_json,
)


def test_busy_port_takes_the_next_free_one(free_port):
    with socket.create_server(("127.0.0.1", free_port)), listen_from(free_port) as server:
        taken = server.getsockname()[1]

    assert free_port < taken <= free_port + 199


def test_free_port_is_taken_as_asked(free_port):
    with listen_from(free_port) as server:
        assert server.getsockname()[1] == free_port


def test_port_is_remembered_until_somebody_else_has_it(tmp_path):
    first = remembered_port(tmp_path / "port")

    assert remembered_port(tmp_path / "port") == first
    with socket.create_server(("127.0.0.1", first)):
        assert remembered_port(tmp_path / "port") != first


def test_secret_is_made_once_and_closed_to_others(tmp_path):
    secret = secret_file(tmp_path / "secret")

    assert secret_file(tmp_path / "secret") == secret
    assert len(secret) == 64
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_second_launcher_is_told_where_the_first_one_runs(tmp_path):
    told = pytest.raises(LaunchError, match=r"already runs here\. Open http://127\.0\.0\.1:8000/")

    with State(tmp_path).lock("run") as note:
        note.write_text("Open http://127.0.0.1:8000/")
        with told, State(tmp_path).lock("run"):
            pass

    with State(tmp_path).lock("run"):
        pass


def test_env_file_fills_in_but_does_not_overrule(tmp_path, monkeypatch):
    monkeypatch.setenv("GENBA_A", "from outside")
    for name in ("GENBA_B", "GENBA_C", "GENBA_D"):
        monkeypatch.delenv(name, raising=False)
    lines = [
        "# note",
        "",
        "GENBA_A=file",
        "export GENBA_B = two words ",
        "GENBA_C='quoted # kept'",
        "GENBA_D=a=b",
    ]
    (tmp_path / ".env").write_text("\n".join(lines))

    load_env_file(tmp_path / ".env")
    found = [os.environ.pop(name) for name in ("GENBA_B", "GENBA_C", "GENBA_D")]

    assert os.environ["GENBA_A"] == "from outside"
    assert found == ["two words", "quoted # kept", "a=b"]


def test_env_file_names_its_broken_line(tmp_path):
    (tmp_path / ".env").write_text("# note\nPORT 8000\n")

    with pytest.raises(LaunchError, match="line 2: expected NAME=value"):
        load_env_file(tmp_path / ".env")


def test_old_python_is_told_what_is_needed():
    script = "import sys; sys.version_info = (3, 10, 4); import bootstrap; bootstrap.main()"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT / "deploy" / "local", capture_output=True, text=True)

    assert done.returncode == 1
    assert "Genba needs Python 3.11 or newer" in done.stderr
    assert "3.10.4" in done.stderr


def test_manage_finds_the_plant_that_runs_and_only_that(tmp_path):
    state = State(tmp_path)
    write_json(state.environment, {"DATABASE_URL": "postgresql://here"})

    with state.lock("run"):
        assert environment_of_running(state) == {"DATABASE_URL": "postgresql://here"}
    with pytest.raises(LaunchError, match="does not run here"):
        environment_of_running(state)
    assert stat.S_IMODE(state.environment.stat().st_mode) == 0o600
