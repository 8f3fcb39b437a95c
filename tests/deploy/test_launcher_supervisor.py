"""Children are watched, restarted and ended, whatever dies first."""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local.state import ROOT
from deploy.local.supervisor import Child, Supervisor, _identity_from_ps, identity

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def pid_of(supervisor, name):
    return supervisor.running[name].process.pid


def test_child_that_dies_is_said_and_started_again(supervisor, capsys):
    supervisor.start(Child(name="press", command=SLEEP))
    first = pid_of(supervisor, "press")

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not supervisor.alive("press"))
    supervisor.tend()
    time.sleep(1.1)
    supervisor.tend()

    assert supervisor.alive("press")
    assert pid_of(supervisor, "press") != first
    assert supervisor.running["press"].delay == 2.0  # the next restart waits longer
    assert "press ended (SIGKILL), starts again in 1 s" in capsys.readouterr().out


def test_stop_ends_what_the_child_had_started(supervisor, tmp_path):
    script = f"sleep 60 & echo $! > {tmp_path}/pid; wait"
    supervisor.start(Child(name="parent", command=["/bin/sh", "-c", script]))
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    grandchild = int((tmp_path / "pid").read_text())

    supervisor.stop()

    assert wait_until(lambda: identity(grandchild) is None)


def test_child_that_ignores_the_signal_is_killed(supervisor):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(1, flush=True); time.sleep(60)"
    supervisor.start(Child(name="deaf", command=[sys.executable, "-c", deaf], patience=0.2))
    wait_until(lambda: supervisor.log_tail("deaf") == "1")
    pid = pid_of(supervisor, "deaf")

    supervisor.stop()

    assert identity(pid) is None


def test_leftovers_of_a_killed_launcher_are_ended_and_strangers_are_not(state, supervisor):
    with subprocess.Popen(SLEEP, start_new_session=True) as left, subprocess.Popen(SLEEP) as stranger:
        boot, tick, program = identity(stranger.pid).split(" ")
        records = [
            {"name": "left", "pid": left.pid, "identity": identity(left.pid), "stop_signal": 9},
            # the pid of a child that is long gone, now used by somebody else
            {
                "name": "old",
                "pid": stranger.pid,
                "identity": f"{boot} {int(tick) - 1} {program}",
                "stop_signal": 9,
            },
        ]
        supervisor.record.write_text(json.dumps(records))

        ended = supervisor.end_leftovers()
        strangers_state = stranger.poll()
        stranger.kill()

    assert (ended, left.returncode, strangers_state) == (1, -signal.SIGKILL, None)


def test_zombie_counts_as_gone():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        assert wait_until(lambda: identity(process.pid) is None)  # dead, and nobody has read its exit code


def test_identity_without_proc_tells_processes_apart():
    with subprocess.Popen(SLEEP) as process:
        mine = _identity_from_ps(process.pid)
        process.kill()

    assert mine
    assert mine != _identity_from_ps(os.getpid())
    assert _identity_from_ps(process.pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed process")
def test_children_end_when_the_launcher_is_killed(place):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from deploy.local.state import State; from deploy.local.supervisor import Child, Supervisor\n"
        "s = Supervisor(State(Path(sys.argv[1])), 'test')\n"
        "s.start(Child(name='press', command=[sys.executable, '-c', 'import time; time.sleep(60)']))\n"
        "print(s.running['press'].process.pid, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(place)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as launcher:
        child = int(launcher.stdout.readline())
        assert identity(child)

        launcher.kill()

    assert wait_until(lambda: identity(child) is None)


def test_record_of_children_is_whole_at_any_time(supervisor: Supervisor):
    supervisor.start(Child(name="press", command=SLEEP))

    (entry,) = json.loads(Path(supervisor.record).read_text())

    assert (entry["name"], entry["pid"]) == ("press", pid_of(supervisor, "press"))
    assert entry["identity"] == identity(entry["pid"])


def test_listening_socket_outlives_the_child_that_serves_it(supervisor):
    serve = "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); c = s.accept()[0]; c.sendall(b'up')"

    def start():  # keeps no reference to the socket, as the launcher does not
        server = socket.create_server(("127.0.0.1", 0))
        command = [sys.executable, "-c", serve, str(server.fileno())]
        supervisor.start(Child(name="web", command=command, sockets=(server,)))
        return server.getsockname()

    address = start()
    gc.collect()
    os.kill(pid_of(supervisor, "web"), signal.SIGKILL)
    wait_until(lambda: not supervisor.alive("web"))

    with socket.create_connection(address, timeout=10) as waiting:
        supervisor.tend()
        time.sleep(1.1)
        supervisor.tend()
        assert waiting.recv(2) == b"up"
