"""Key figures of ISO 22400-2: sums in, ratios out. The SQL view says the same of one day; a test compares them."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import reduce
from typing import Any

TIMES = ("running_s", "setup_s", "stopped_s", "idle_s", "maintenance_s", "standard_s")


def ratio(part: Any, whole: Any) -> Any:
    """`part` of `whole` in percent; None where there is nothing to divide by. Exact for exact numbers."""
    if part is None or not whole:
        return None
    if isinstance(part, Decimal) or isinstance(whole, Decimal):
        return 100 * float(part) / float(whole)
    return 100 * part / whole


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigures:
    """Sums over any period and any lines. Every rate is in percent, and None where its data are missing.

    Add figures to get those of a longer period or of more lines: sums first, ratios last, never their average.
    """

    planned_busy_s: Any = None  # PBT; None without a shift calendar or without any known state
    running_s: Any = 0  # APT
    setup_s: Any = 0  # AUST
    stopped_s: Any = 0  # ADET: stops that were not planned
    idle_s: Any = 0  # planned to work, no order
    maintenance_s: Any = 0  # planned down time
    no_data_s: Any = None  # planned, but nobody knows what happened; not part of the planned busy time
    standard_s: Any = 0  # sum of PRI x PQ: what these pieces take at standard speed
    good: Any = 0
    scrap: Any = 0
    rework: Any = 0
    finished: Any = 0  # good pieces that left the last operation of their order
    total_work_orders: int = 0
    completed_work_orders: int = 0
    on_time_completions: int = 0

    def __add__(self, other: "KeyFigures") -> "KeyFigures":
        """Times without planned time (no calendar, no known state) would falsify those that have it: left out."""
        sums = {f.name: _plus(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        if (self.planned_busy_s is None) is not (other.planned_busy_s is None):
            planned = other if self.planned_busy_s is None else self
            sums |= {name: getattr(planned, name) for name in TIMES}
        return KeyFigures(**sums)

    @property
    def produced(self) -> Any:
        """PQ = good + scrap + rework."""
        return self.good + self.scrap + self.rework

    @property
    def availability(self) -> Any:
        """A = APT / PBT."""
        return ratio(self.running_s, self.planned_busy_s)

    @property
    def effectiveness(self) -> Any:
        """E = PRI x PQ / APT. More than 100 % is shown as it is: a standard time is wrong then."""
        return ratio(self.standard_s, self.running_s) if self.produced else None

    @property
    def quality_rate(self) -> Any:
        """Q = GQ / PQ, of pieces. The pass rate of quality checks is another figure."""
        return ratio(self.good, self.produced)

    @property
    def oee(self) -> Any:
        """A x E x Q. Planned time lost whole is 0; a line that ran and was not counted on is not known."""
        if self.availability == 0 and not self.produced:
            return self.availability
        return _product(self.availability, self.effectiveness, self.quality_rate)

    @property
    def nee(self) -> Any:
        """Net equipment effectiveness: like OEE, setup not counted as a loss (AUPT / PBT x E x Q)."""
        processing = ratio(self.running_s + self.setup_s, self.planned_busy_s)
        return _product(processing, self.effectiveness, self.quality_rate)

    @property
    def technical_efficiency(self) -> Any:
        """APT / (APT + ADET)."""
        return ratio(self.running_s, self.running_s + self.stopped_s)

    @property
    def setup_ratio(self) -> Any:
        """AUST / AUPT."""
        return ratio(self.setup_s, self.running_s + self.setup_s)

    @property
    def scrap_ratio(self) -> Any:
        return ratio(self.scrap, self.produced)

    @property
    def rework_ratio(self) -> Any:
        return ratio(self.rework, self.produced)

    @property
    def on_time_rate(self) -> Any:
        """Orders completed by their scheduled end, of all completed."""
        return ratio(self.on_time_completions, self.completed_work_orders)


def total(figures: Iterable[KeyFigures]) -> KeyFigures:
    return reduce(KeyFigures.__add__, figures, KeyFigures())


def _plus(one: Any, other: Any) -> Any:
    """What is not known adds nothing, and two unknowns stay unknown."""
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _product(a: Any, e: Any, q: Any) -> Any:
    return None if a is None or e is None or q is None else a * e * q / 10000
