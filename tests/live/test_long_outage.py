"""The database is away for longer than every pause and patience in between: all programs find it again by themselves.

A pool that gave up has no connection and no try under way; a worker and a schedule failed again and again meanwhile.
"""

import threading
import time
from collections.abc import Iterator

import pytest

from tests.live.test_processes import (
    Client,
    a_line,
    ask_for_refresh,
    other_state,
    refreshed_at,
    session_cookie,
    state_of,
    wait_until,
)
from tests.running_plant import RunningPlant, running_plant

pytestmark = pytest.mark.live

# A request gives up after 3 s, a pool gives a connection up after reconnect_timeout (5 s). With psycopg_pool's own five
# minutes its tries come 1, 3, 7, 15, 31 and 63 s after the loss: what comes back in the longest pause is found late.
AWAY = 36.0
SECONDS = 10.0
EVERY = 3
ASKERS = 6

FASTER_BEAT = f"""
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from accounts.services.users import installing
task = PeriodicTask.objects.get(name="production.refresh_kpis")
with installing("set_up_test"):
    task.interval, _ = IntervalSchedule.objects.get_or_create(every={EVERY}, period="seconds")
    task.save()
"""


@pytest.fixture(scope="module")
def plant() -> Iterator[RunningPlant]:
    with running_plant() as plant:
        plant.manage("shell", "-c", FASTER_BEAT)
        yield plant


class Crowd:
    """People who go on asking, so that each connection of the pool is lost, tried again and given up."""

    def __init__(self, plant: RunningPlant, cookie: str) -> None:
        self.plant, self.cookie = plant, cookie
        self.seen: list[int] = []
        self._home = threading.Event()
        self._askers = [threading.Thread(target=self._ask) for _ in range(ASKERS)]

    def __enter__(self) -> "Crowd":
        for asker in self._askers:
            asker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._home.set()
        for asker in self._askers:
            asker.join()

    def _ask(self) -> None:
        while not self._home.wait(0.2):
            self.seen.append(board(self.plant, self.cookie))


def board(plant: RunningPlant, cookie: str) -> int:
    return plant.status("/board/", cookie=cookie, patience=60)


def pids(plant: RunningPlant) -> dict[str, int]:
    return {name: plant.supervisor.running[name].process.pid for name in ("web", "worker", "beat")}


def test_after_a_long_outage_everything_works_within_seconds_and_without_a_restart(plant):
    client, line, cookie = Client(plant), a_line(plant), session_cookie(plant)
    before, beaten = pids(plant), refreshed_at(plant)
    wait_until(lambda: refreshed_at(plant) > beaten, "the beat refreshes", patience=40)
    assert board(plant, cookie) == 200
    acknowledged = other_state(plant, line)
    assert client.post("/api/v1/line-states/", {"line_id": line, "state": acknowledged})[0] == 201
    history = plant.rows("SELECT count(*), max(id) FROM equipment_linestateinterval")

    plant.kill("postgres")
    wait_until(lambda: not plant.supervisor.alive("postgres"), "the server is gone")
    with Crowd(plant, cookie) as crowd:
        time.sleep(AWAY)
    status, problem = client.post("/api/v1/line-states/", {"line_id": line, "state": "idle"})

    assert (status, problem["code"]) == (503, "unavailable")
    assert set(crowd.seen) == {503}
    assert plant.status("/health") == 200

    plant.restart("postgres")
    plant.wait_for("/health/database")
    back = time.monotonic()
    assert plant.rows("SELECT count(*), max(id) FROM equipment_linestateinterval") == history
    assert state_of(plant, line) == acknowledged
    wait_until(lambda: board(plant, cookie) == 200, "pages work again", patience=SECONDS)
    wanted = {"line_id": line, "state": other_state(plant, line)}
    wait_until(lambda: client.post("/api/v1/line-states/", wanted)[0] in (200, 201), "the API writes", patience=SECONDS)
    assert time.monotonic() - back < SECONDS

    assert state_of(plant, line) == wanted["state"]
    assert board(plant, cookie) == 200
    worked = refreshed_at(plant)
    ask_for_refresh(plant)
    wait_until(lambda: refreshed_at(plant) > worked, "the worker works", patience=SECONDS)
    for _ in range(2):  # the second one cannot be what was asked for above
        beaten = refreshed_at(plant)
        wait_until(lambda beaten=beaten: refreshed_at(plant) > beaten, "the beat beats", patience=SECONDS + 2 * EVERY)
    assert pids(plant) == before
    assert all(plant.supervisor.alive(name) for name in before)
