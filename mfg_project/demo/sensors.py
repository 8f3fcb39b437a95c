"""What the demo's machines measure of themselves: temperature and load, which follow what the line does."""

import datetime as dt
from collections.abc import Iterable, Iterator
from math import exp
from random import Random

from equipment.enums import LineState
from equipment.models import Equipment, LineStateInterval, ProductionLine
from telemetry.models import Series
from telemetry.points import Sent
from telemetry.services.ingest import take
from telemetry.services.sources import create_series, create_source

SOURCE = "machines"
EVERY, PROMISED = dt.timedelta(seconds=5), dt.timedelta(seconds=10)
PAST = dt.timedelta(hours=8)
ROOM, WARM, SECONDS_TO_WARM = 24.0, 62.0, 600.0
LOADS = {LineState.RUNNING: 68.0, LineState.SETUP: 22.0, LineState.IDLE: 6.0}
GLITCHES, STRAY = 1 / 4000, ("R1-WIND.vibration", 0.4)  # a sensor's slip; and a name nobody has mapped yet


QUANTITIES = (  # sensor type, name, unit, lowest and highest possible value
    ("temperature", "Spindle temperature", "°C", -20, 150),
    ("load", "Load", "%", 0, 120),
)


def make_series() -> None:
    """What each machine measures, in the name of who plans."""
    source = create_source(code=SOURCE, name="Machine gateway")
    for machine in Equipment.objects.order_by("code"):
        for sensor_type, name, unit, minimum, maximum in QUANTITIES:
            create_series(
                equipment_id=machine.pk,
                source_id=source.pk,
                source_key=f"{machine.code}.{sensor_type}",
                sensor_type=sensor_type,
                name=name,
                unit=unit,
                minimum=minimum,
                maximum=maximum,
                expected_interval=PROMISED.total_seconds(),
            )


class Sensors:
    """The machines of one line."""

    def __init__(self, line: ProductionLine, *, seed: int) -> None:
        self.rng = Random(f"{seed}:{line.line_code}:sensors")  # noqa: S311 not for secrets
        self.machines = list(line.equipment.order_by("code").values_list("code", flat=True))
        self.temperature = dict.fromkeys(self.machines, ROOM)
        self.at: dt.datetime | None = None

    def read(self, now: dt.datetime, state: str) -> Iterator[tuple[str, dt.datetime, float]]:
        """Name, moment and value of each sensor; nothing from a line that is not heard."""
        passed = (now - self.at).total_seconds() if self.at else SECONDS_TO_WARM * 3
        self.at = now
        if state == LineState.NO_DATA:
            return
        for code in self.machines:
            goal = WARM if state == LineState.RUNNING else ROOM + 8
            self.temperature[code] = goal + (self.temperature[code] - goal) * exp(-passed / SECONDS_TO_WARM)
            slip = 999.0 if self.rng.random() < GLITCHES else 0.0
            yield f"{code}.temperature", now, round(self.temperature[code] + self.rng.gauss(0, 0.15) + slip, 2)
            yield f"{code}.load", now, round(max(0.0, LOADS.get(LineState(state), 0.0) + self.rng.gauss(0, 2.5)), 1)


def send(readings: Iterable[tuple[str, dt.datetime, float]]) -> None:
    """Through the one door of readings; nothing while the plant has no such source."""
    rows = list(readings)
    source = Series.objects.filter(source__code=SOURCE).values_list("source_id", flat=True).first()
    if rows and source:
        names, moments, values = zip(*rows, strict=True)
        times = [int(at.timestamp() * 1_000_000) for at in moments]
        take(lambda known: known.sources.get(source), Sent(names, times, values))


def make_past(line: ProductionLine, *, now: dt.datetime, seed: int) -> None:
    """The last hours of a line, as its states were."""
    sensors, at = Sensors(line, seed=seed), now - PAST
    spans = list(LineStateInterval.objects.filter(line=line, started_at__lt=now).order_by("-started_at")[:500])
    readings: list[tuple[str, dt.datetime, float]] = []
    while at < now:
        state = next((span.state for span in spans if span.started_at <= at), LineState.IDLE)
        readings += sensors.read(at, state)
        at += PROMISED
    if STRAY[0].partition(".")[0] in sensors.machines:
        readings.append((STRAY[0], now, STRAY[1]))
    send(readings)
