import datetime as dt
from random import Random

import pytest
from django.utils import timezone

from audit.context import act_as
from mfg_project.demo import orders
from mfg_project.demo import plant as demo_plant
from mfg_project.demo.orders import make_released
from mfg_project.demo.people import make_people, simulator_user
from mfg_project.demo.plant import LINES, Plant


def build_plant(*, released: int) -> Plant:
    """The demo plant without its past, with `released` orders on each line."""
    people = make_people()
    with act_as(people["planner"], source="test"):
        lines, reasons = demo_plant.make_equipment(), demo_plant.make_reasons()
        products = demo_plant.make_products()
        demo_plant.make_shifts()
    plant = Plant(lines, products, reasons, {})
    with act_as(simulator_user(), source="test"):
        for spec in LINES:
            rng = Random(spec.code)
            make_released(plant, spec, rng=rng, count=released, start=timezone.now(), source="test")
    return plant


@pytest.fixture
def demo(db, monkeypatch) -> Plant:
    """Small orders, so that some of them finish within a test."""
    monkeypatch.setattr(orders, "PIECES", (8, 12, 16))
    return build_plant(released=5)


class Clock:
    """Virtual time for the simulator; the services stamp the real one. They meet after `HEAD_START`."""

    HEAD_START = dt.timedelta(seconds=60)

    def __init__(self) -> None:
        self.now = timezone.now() - self.HEAD_START

    def catch_up(self, simulator) -> None:
        self.run(simulator, seconds=(timezone.now() - self.now).total_seconds())

    def run(self, simulator, *, seconds: float, tick: float = 1.0) -> None:
        end = self.now + dt.timedelta(seconds=seconds)
        while self.now < end:
            self.now += dt.timedelta(seconds=tick)
            simulator.step(self.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()
