"""A Redis of this checkout's own: `redis-server` when it is installed, else fakeredis' TCP server.

Nothing in it outlives a run: queues hold work that is made again, channels hold news.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local.state import LaunchError, State, remembered_port
from deploy.local.supervisor import Child, Supervisor

NAME = "redis"
ATTEMPTS = 5
PATIENCE = 20.0


def start(supervisor: Supervisor, state: State, *, label: str = "redis") -> tuple[str, str]:
    """Start one and return its URL and what it is."""
    server = shutil.which("redis-server")
    for _ in range(ATTEMPTS):
        port = remembered_port(state.path / f"{label}.port")
        if server:
            password = state.secret(f"{label}.password")
            supervisor.start(real(server, write_conf(state, label, port, password), port))
            url = f"redis://:{password}@127.0.0.1:{port}/0"
        else:
            supervisor.start(fake(port))
            url = f"redis://127.0.0.1:{port}/0"
        if answers(supervisor, url):
            return url, "redis-server" if server else "fakeredis"
        supervisor.stop(NAME)
    raise LaunchError(f"Redis does not start:\n{supervisor.log_tail(NAME)}")


def real(server: str, conf: Path, port: int) -> Child:
    return Child(name=NAME, command=[server, str(conf)], tier=1)


def fake(port: int) -> Child:
    return Child(name=NAME, command=[sys.executable, "-m", "deploy.local.redis", str(port)], tier=1)


def write_conf(state: State, label: str, port: int, password: str) -> Path:
    """The password keeps other users of the machine out: who may write to Redis may write files as we do."""
    conf = state.path / f"{label}.conf"
    conf.unlink(missing_ok=True)
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        'save ""',
        "appendonly no",
        "daemonize no",
    ]
    with open(os.open(conf, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    return conf


def answers(supervisor: Supervisor, url: str) -> bool:
    once = Retry(NoBackoff(), 0)  # this loop is the retry
    deadline = time.monotonic() + PATIENCE
    while supervisor.alive(NAME) and time.monotonic() < deadline:
        with (
            contextlib.suppress(redis.RedisError),
            redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=once) as client,
        ):
            if client.ping() and supervisor.alive(NAME):  # and not a stranger on the same port
                return True
        supervisor.pause(0.05)
    return False


def serve_fake(port: int) -> None:
    from fakeredis import TcpFakeServer

    TcpFakeServer.daemon_threads = True
    TcpFakeServer(("127.0.0.1", port), server_type="redis").serve_forever()


if __name__ == "__main__":
    serve_fake(int(sys.argv[1]))
