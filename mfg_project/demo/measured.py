"""Measured values of the demo: a grinding wheel that wears and is dressed, and quiet ones beside it."""

import datetime as dt
from decimal import Decimal
from random import Random

DRESSED_EVERY = dt.timedelta(days=18)
WEAR_MM = 0.005

QUIET = {  # mean, spread, decimals
    "L1": (42.004, 0.022, 3),
    "RA": (0.46, 0.07, 2),
    "R20": (160.3, 1.9, 1),
    "UP": (7.9, 0.28, 2),
}


def value_of(code: str, *, rng: Random, before_now: dt.timedelta) -> Decimal:
    """A plausible value; the bearing seat grows with the wear of the wheel, which is due for dressing now."""
    if code == "D1":
        wear = 1 - (before_now % DRESSED_EVERY) / DRESSED_EVERY
        return _at(7.9938 + WEAR_MM * wear + rng.gauss(0, 0.0006), 4)
    mean, spread, decimals = QUIET[code]
    return _at(rng.gauss(mean, spread), decimals)


def _at(value: float, decimals: int) -> Decimal:
    return Decimal(f"{value:.{decimals}f}")
