"""Telling the pages is the last thing an act does, and never the thing it fails or waits for."""

import socket
import time

import pytest

from equipment import events
from equipment.models import LineStateInterval
from equipment.services.line_states import set_line_state

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_earlier_trouble(monkeypatch):
    monkeypatch.setattr(events._Trouble, "until", float("-inf"))


def redis_at(port: int) -> dict:
    hosts = [f"redis://127.0.0.1:{port}/0"]
    return {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": hosts}}}


def test_redis_refusing_the_connection_leaves_the_act_done(plant, settings):
    settings.CHANNEL_LAYERS = redis_at(1)

    set_line_state(line_id=plant.line.pk, state="running")

    assert LineStateInterval.objects.get(line=plant.line).state == "running"


def test_a_silent_redis_costs_one_second_however_many_messages(plant, settings):
    """It accepts the connection and never answers, like a host behind a dead switch."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.CHANNEL_LAYERS = redis_at(silent.getsockname()[1])
        started = time.monotonic()

        for state in ("running", "idle", "setup"):
            set_line_state(line_id=plant.line.pk, state=state)

        took = time.monotonic() - started
    assert LineStateInterval.objects.filter(line=plant.line).count() == 3
    assert events.SEND_SECONDS <= took < events.SEND_SECONDS * 2
