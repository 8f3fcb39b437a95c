"""Runs the simulator until told to end: sleeps between steps, and outlives a database that is away."""

from threading import Event

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from mfg_project.demo.simulator import Simulator

log = structlog.get_logger(__name__)

PAUSE_S = 0.25
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 30.0


def run_until(ended: Event, *, seed: int) -> None:
    """Every pause longer than a minute shows up as "no data"; nothing is made up for it."""
    simulator: Simulator | None = None
    retry = FIRST_RETRY_S
    while not ended.is_set():
        try:
            if simulator is None:
                simulator = Simulator(seed=seed)
                simulator.begin(timezone.now())
                log.info("simulator_started", seed=seed)
            simulator.step(timezone.now())
            pause, retry = PAUSE_S, FIRST_RETRY_S
        except (OperationalError, InterfaceError) as away:
            log.warning("database_away", error=str(away).strip(), retry_in_seconds=retry)
            simulator = None
            connection.close()
            pause, retry = retry, min(2 * retry, LONGEST_RETRY_S)
        ended.wait(pause)
    log.info("simulator_ended")
