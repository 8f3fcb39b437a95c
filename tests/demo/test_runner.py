"""The endless process: ends when told to, and outlives a database that goes away."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.conf import settings
from django.db import connection

from audit.context import act_as
from mfg_project.demo import runner
from mfg_project.demo.people import simulator_user
from production.models import JobOrder, QuantityReport
from production.services.job_orders import start_job
from tests.demo.conftest import build_plant

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 60.0


def wait_for(condition, what: str):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.1)
    raise AssertionError(f"waited {PATIENCE} s for {what}")


def backends(name: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s", [name]
        )
        return [pid for (pid,) in cursor.fetchall()]


@pytest.fixture
def process():
    plant = build_plant(released=4)
    job = JobOrder.objects.filter(production_line=plant.lines["LINE-1"], status="waiting").earliest("sequence")
    with act_as(simulator_user(), source="test"):
        start_job(job_order_id=job.pk, source="machine")  # else the first piece waits for a setup
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    started = subprocess.Popen(
        [sys.executable, "manage.py", "run_simulator"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": url, "APPLICATION_NAME": "test-simulator", "GENBA_MODE": "test"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield started
    if started.poll() is None:
        started.kill()
    started.wait()
    started.stdout.close()


def test_it_counts_survives_a_lost_connection_and_ends_on_sigterm(process):
    wait_for(lambda: QuantityReport.objects.count() >= 1, "the first piece")

    for pid in backends("test-simulator"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    counted = QuantityReport.objects.count()
    wait_for(lambda: QuantityReport.objects.count() > counted, "a piece after the connection was cut")

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0
    output = process.stdout.read()
    assert "simulator_ended" in output
    assert "Traceback" not in output
    assert not backends("test-simulator")


def test_it_waits_for_a_database_that_is_away(monkeypatch):
    build_plant(released=4)
    ended = threading.Event()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            monkeypatch.setitem(connection.settings_dict, "PORT", port)
        if len(pauses) == 5:
            ended.set()

    monkeypatch.setattr(ended, "wait", pause)
    port = connection.settings_dict["PORT"]
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")

    runner.run_until(ended, seed=20)

    assert pauses == [1.0, 2.0, 4.0, runner.PAUSE_S, runner.PAUSE_S]
