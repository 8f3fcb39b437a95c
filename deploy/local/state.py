"""What one checkout remembers between runs: `.genba/` with data, ports, secrets and logs."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class LaunchError(Exception):
    """Something the person at the terminal has to know; the message is complete."""


class State:
    """The state directory of this checkout (`GENBA_STATE` names another one)."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = Path(path or os.environ.get("GENBA_STATE") or ROOT / ".genba").resolve()
        self.log = self.path / "log"
        try:
            # 0755 whatever the umask: under root PostgreSQL runs as `nobody` and has to pass through.
            self.path.mkdir(parents=True, exist_ok=True)
            if self.path.stat().st_uid == os.geteuid():
                self.path.chmod(0o755)
            self.log.mkdir(mode=0o700, exist_ok=True)
        except PermissionError:
            raise LaunchError(f"{self.path} cannot be used: it belongs to another user.") from None
        if not os.access(self.path, os.W_OK):
            raise LaunchError(f"{self.path} belongs to another user. Run as that user, or remove it.")

    @property
    def key(self) -> str:
        """Tells this checkout from others on the machine."""
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:10]

    @property
    def environment(self) -> Path:
        """What the programs of the running plant were told; `make manage` joins them with it."""
        return self.path / "environment.json"

    def secret(self, name: str, length: int = 32) -> str:
        """A random value made once and readable by its owner only."""
        return secret_file(self.path / name, length)

    def signing_key(self) -> Path:
        """The file with the key that signs the journal's checkpoints: 32 random bytes in base64, made once."""
        path = self.path / "journal.key"
        _write_once(path, base64.b64encode(secrets.token_bytes(32)).decode())
        return path

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[Path]:
        """Held as long as this process lives; the file may hold a note for whoever finds it taken."""
        path = self.path / f"{name}.lock"
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LaunchError(f"Genba already runs here. {path.read_text()}".strip()) from None
            path.write_text("")
            yield path

    def is_locked(self, name: str) -> bool:
        with (self.path / f"{name}.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False


def secret_file(path: Path, length: int = 32) -> str:
    _write_once(path, secrets.token_hex(length))
    return path.read_text()


def _write_once(path: Path, text: str) -> None:
    """For its owner only, whole or not at all."""
    if path.exists():
        return
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.rename(path)


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all: the process may be killed at any moment. For its owner only: it may hold passwords."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(value, file, indent=1)
    new.replace(path)


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def load_env_file(path: Path) -> None:
    """`NAME=value` lines; what is already set in the environment wins."""
    if not path.exists():
        return
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        line = line.strip().removeprefix("export ")
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise LaunchError(f"{path}, line {number}: expected NAME=value")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        os.environ.setdefault(name.strip(), value)


def listen(port: int) -> socket.socket | None:
    """A listening socket on loopback, or None when somebody else has the port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
    try:
        server.bind(("127.0.0.1", port))
        server.listen(128)
    except OSError:
        server.close()
        return None
    return server


def listen_from(port: int) -> socket.socket:
    """The first free port from `port` upwards, taken at once so that nobody can come between."""
    for candidate in range(port, min(port + 200, 65536)):
        if server := listen(candidate):
            return server
    raise LaunchError(f"No free port between {port} and {port + 199}. Set PORT to another one.")


def remembered_port(file: Path) -> int:
    """The port used last time if it is still free, else a new one from the system, remembered."""
    last = read_json(file)
    server = (listen(last) if isinstance(last, int) else None) or listen(0)
    if server is None:
        raise LaunchError("The system has no free port on 127.0.0.1.")
    with server:
        port: int = server.getsockname()[1]
    write_json(file, port)
    return port


def say(text: str = "") -> None:
    """A line on the terminal. A terminal that went away must not keep us from ending our children."""
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


def warn(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)
