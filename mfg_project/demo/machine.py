"""How a simulated line behaves: all of its chance, nothing of the plant. Lively, so that a visitor sees something."""

import datetime as dt
from decimal import Decimal
from random import Random

from mfg_project.demo.history import STOPS
from mfg_project.demo.plant import LineSpec

MEAN_RUN_S = {1: 210.0, 2: 160.0}  # line number: between stops
MINOR_STOP_S, BREAKDOWN_S = (20.0, 60.0), (75.0, 150.0)
SETUP_S, CHANGE_OF_OPERATION_S = (18.0, 40.0), (5.0, 12.0)
EXPLAINS_ITSELF = 0.6
BREAKDOWN = "FAULT"


class Machine:
    def __init__(self, spec: LineSpec, *, seed: int) -> None:
        self.spec = spec
        self.rng = Random(f"{seed}:{spec.code}:machine")  # noqa: S311 not for secrets
        self.run_left = self._next_run()

    def moment(self) -> dt.timedelta:
        return dt.timedelta(seconds=self.rng.uniform(0.5, 1.5))

    def cycle(self, run_time: Decimal) -> dt.timedelta:
        """One piece, a little slower than the standard most of the time."""
        seconds = float(run_time) / min(1.02, max(0.8, self.rng.gauss(self.spec.speed, 0.04)))
        self.run_left -= seconds
        return dt.timedelta(seconds=seconds)

    def setup(self, *, first: bool) -> dt.timedelta:
        return dt.timedelta(seconds=self.rng.uniform(*(SETUP_S if first else CHANGE_OF_OPERATION_S)))

    def scraps(self, sequence: int, product: str) -> str | None:
        """The reason why this piece is scrap, or None for a good one."""
        if self.rng.random() >= self.spec.scrap_rate:
            return None
        operations = next(p.operations for p in self.spec.products if p.code == product)
        return self.rng.choice(next(o.scrap_reasons for o in operations if o.sequence == sequence))

    def breaks_down(self) -> bool:
        return self.run_left <= 0

    def stop(self) -> tuple[str | None, dt.timedelta]:
        """Why (None: the machine does not know) and for how long it stands."""
        self.run_left = self._next_run()
        reason = self.rng.choices([name for name, *_ in STOPS], [share for _name, share, _mean in STOPS])[0]
        lasts = self.rng.uniform(*(BREAKDOWN_S if reason == BREAKDOWN else MINOR_STOP_S))
        return (reason if self.rng.random() < EXPLAINS_ITSELF else None), dt.timedelta(seconds=lasts)

    def _next_run(self) -> float:
        return self.rng.expovariate(1 / MEAN_RUN_S[self.spec.number])
