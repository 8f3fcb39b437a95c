"""Real processes, real faults: what was acknowledged stays, what is down is said, everything recovers by itself."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from tests.running_plant import RunningPlant, running_plant

pytestmark = pytest.mark.live

PASSWORD = "genba-demo-2026"
PATIENCE = 30.0


@pytest.fixture(scope="module")
def plant() -> Iterator[RunningPlant]:
    with running_plant() as plant:
        yield plant


class Client:
    """An API client as an integrator would write it."""

    def __init__(self, plant: RunningPlant, username: str = "integration") -> None:
        self.plant = plant
        status, body = self.post("/api/v1/auth/token/", {"username": username, "password": PASSWORD})
        assert status == 200, body
        self.token = body["access"]

    def post(self, path: str, body: dict) -> tuple[int, dict]:
        return self.call(path, json.dumps(body).encode())

    def call(self, path: str, data: bytes | None = None) -> tuple[int, dict]:
        headers = {"Content-Type": "application/json"}
        if token := getattr(self, "token", None):
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.plant.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read() or b"{}")


def wait_until(true: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {patience} s")


def session_cookie(plant: RunningPlant) -> str:
    """A signed-in supervisor's cookie, made the way the server makes it."""
    return (
        plant.manage(
            "shell",
            "-c",
            "from importlib import import_module; from django.conf import settings;"
            "from accounts.models import User; from django.contrib.auth import login;"
            "from django.http import HttpRequest;"
            "r = HttpRequest(); r.session = import_module(settings.SESSION_ENGINE).SessionStore();"
            "login(r, User.objects.get(username='supervisor'),"
            " backend='accounts.backends.PasswordBackend'); r.session.save();"
            "print('cookie:' + r.session.session_key)",
        )
        .rsplit("cookie:", 1)[1]
        .strip()
    )


def a_line(plant: RunningPlant) -> str:
    return plant.rows("SELECT id::text FROM production_lines ORDER BY line_code LIMIT 1")[0][0]


def state_of(plant: RunningPlant, line: str) -> str:
    return plant.rows("SELECT state FROM equipment_linestateinterval WHERE line_id = %s AND ended_at IS NULL", line)[0][
        0
    ]


def other_state(plant: RunningPlant, line: str) -> str:
    return "setup" if state_of(plant, line) != "setup" else "running"


def next_event(socket, record: str) -> dict:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        message = json.loads(socket.recv(timeout=PATIENCE))
        if message["id"] == record:
            return message
    raise AssertionError("no event came")


def floor_socket(plant: RunningPlant):
    """Tries again for a while, as a page does: the first try after a fault may meet the old connection."""
    headers = {"Cookie": f"sessionid={session_cookie(plant)}", "Origin": plant.url}
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return connect(plant.url.replace("http", "ws") + "/ws/floor/", additional_headers=headers)
        except InvalidStatus:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def knocked_socket(plant: RunningPlant):
    """As a page does: a socket refused because Redis is only just back is asked for again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return floor_socket(plant)
        except (InvalidHandshake, InvalidMessage, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def test_a_state_from_the_api_reaches_an_open_socket(plant):
    client, line = Client(plant), a_line(plant)
    with floor_socket(plant) as socket:
        status, _ = client.post("/api/v1/line-states/", {"line_id": line, "state": other_state(plant, line)})

        assert status == 201
        assert next_event(socket, line)["event"] == "line"


def test_a_stranger_gets_no_socket(plant):
    with (
        pytest.raises(Exception, match=r"403|4403"),
        connect(plant.url.replace("http", "ws") + "/ws/floor/", additional_headers={"Origin": plant.url}) as socket,
    ):
        socket.recv(timeout=5)


def test_without_redis_acts_are_kept_and_live_pages_recover(plant):
    client, line = Client(plant), a_line(plant)

    plant.kill("redis")
    wanted = other_state(plant, line)
    status, _ = client.post("/api/v1/line-states/", {"line_id": line, "state": wanted})
    assert status == 201
    assert state_of(plant, line) == wanted
    assert plant.status("/health/redis") == 503
    assert plant.status("/health") == 200

    plant.restart("redis")
    plant.wait_for("/health/redis")
    with knocked_socket(plant) as socket:
        client.post("/api/v1/line-states/", {"line_id": line, "state": other_state(plant, line)})
        assert next_event(socket, line)["event"] == "line"


def test_without_the_database_pages_say_so_and_nothing_acknowledged_is_lost(plant):
    client, line = Client(plant), a_line(plant)
    acknowledged = other_state(plant, line)
    assert client.post("/api/v1/line-states/", {"line_id": line, "state": acknowledged})[0] == 201

    plant.kill("postgres")
    status, problem = client.post("/api/v1/line-states/", {"line_id": line, "state": "idle"})
    assert status == 503, problem
    assert problem["code"] == "unavailable"
    assert "psycopg" not in json.dumps(problem)
    assert plant.status("/accounts/login/") in (200, 503)
    assert plant.status("/health/database") == 503

    wait_until(lambda: not plant.supervisor.alive("postgres"), "the server is gone")
    plant.restart("postgres")
    plant.wait_for("/health/database")
    assert state_of(plant, line) == acknowledged
    idle = {"line_id": line, "state": "idle"}
    wait_until(lambda: client.post("/api/v1/line-states/", idle)[0] in (200, 201), "writes work again")


def refreshed_at(plant: RunningPlant) -> object:
    return plant.rows("SELECT refreshed_at FROM production_kpirefresh")[0][0]


def ask_for_refresh(plant: RunningPlant) -> None:
    plant.manage("shell", "-c", "from production.tasks import refresh_kpis; refresh_kpis.delay()")


def test_key_figures_refresh_in_the_worker_also_after_it_was_killed(plant):
    before = refreshed_at(plant)
    ask_for_refresh(plant)
    wait_until(lambda: refreshed_at(plant) > before, "the worker refreshed")

    plant.kill("worker")
    before = refreshed_at(plant)
    ask_for_refresh(plant)
    plant.restart("worker")

    wait_until(lambda: refreshed_at(plant) > before, "the task that waited was done", patience=60)


def test_what_is_written_is_sealed_within_seconds_and_by_nobody_but_the_worker(plant):
    """A checkpoint covers it, signed with a key that the web process was never told."""
    status, _ = Client(plant).post(
        "/api/v1/line-states/", {"line_id": a_line(plant), "state": other_state(plant, a_line(plant))}
    )
    assert status == 201
    newest = plant.rows("SELECT max(id) FROM journal_entry WHERE table_name = 'equipment_linestateinterval'")[0][0]

    def is_sealed() -> bool:
        sealed = "SELECT c.size > l.idx FROM journal_leaf l, journal_checkpoint c WHERE l.entry_id = %s"
        return any(covered for (covered,) in plant.rows(sealed, newest))

    wait_until(is_sealed, "a checkpoint over the entry", patience=30)
    assert "JOURNAL_KEY_FILE" not in plant.children["web"].env | plant.env


def test_the_beat_refreshes_without_being_asked(plant):
    before = refreshed_at(plant)

    wait_until(lambda: refreshed_at(plant) > before, "a scheduled refresh", patience=130)


# --- Readings ------------------------------------------------------------------------------------------------


class Gateway(threading.Thread):
    """Sends batches of readings as a device does: again and again until one is acknowledged."""

    def __init__(self, plant: RunningPlant, key: str, *, batches: int) -> None:
        super().__init__()
        self.plant, self.key, self.batches = plant, key, batches
        self.acknowledged, self.tries = 0, 0

    def run(self) -> None:
        begun = time.time_ns() // 1000 * 1000
        for batch in range(self.batches):
            lines = [f"R1-WIND.load value={n}.5 {begun + (batch * 200 + n) * 1000}" for n in range(100)]
            while not self.sent("\n".join(lines).encode()):
                time.sleep(0.2)
            self.acknowledged += len(lines)

    def sent(self, body: bytes) -> bool:
        self.tries += 1
        headers = {"Authorization": f"Token {self.key}", "Content-Type": "text/plain"}
        request = urllib.request.Request(self.plant.url + "/api/v2/write", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status == 204
        except OSError:  # refused, broken off, or an answer that says so
            return False


def stored_readings(plant: RunningPlant) -> int:
    return plant.rows(
        "SELECT count(*) FROM telemetry_reading r JOIN telemetry_series s ON s.number = r.series"
        " WHERE s.source_key = 'R1-WIND.load value'"
    )[0][0]


def test_no_acknowledged_reading_is_lost_or_kept_twice_whatever_is_killed(plant):
    key = plant.manage("shell", "-c", GATEWAY).rsplit("key:", 1)[1].strip()
    gateway = Gateway(plant, key, batches=300)
    gateway.start()
    wait_until(lambda: gateway.acknowledged >= 2000, "readings are taken")

    plant.kill("web")
    plant.restart("web")
    before = gateway.acknowledged
    wait_until(lambda: gateway.acknowledged >= before + 2000, "readings after the web process was killed")
    plant.kill("postgres")
    plant.restart("postgres")
    gateway.join(timeout=120)

    assert not gateway.is_alive()
    assert gateway.tries > gateway.batches  # something was in the way
    assert gateway.acknowledged == stored_readings(plant) == 300 * 100


GATEWAY = """
from accounts.models import User
from audit.context import act_as
from equipment.models import Equipment
from telemetry.services.sources import create_series, create_source, issue_key
with act_as(User.objects.get(username="planner"), source="test"):
    source = create_source(code="live", name="Live")
    machine = Equipment.objects.get(code="R1-WIND")
    create_series(equipment_id=machine.pk, source_id=source.pk, source_key="R1-WIND.load value",
                  sensor_type="load", name="Load of the test")
    print("key:" + issue_key(source_id=source.pk, label="test")[1])
"""
