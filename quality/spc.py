"""Statistical process control: pure functions on a series of measured values.

Values are `Decimal` or `float`, all in the characteristic's unit and in the order in which they were
measured. Results are floats in the same unit; capability indices have no unit. Nothing here touches the
database.

Formulas: NIST/SEMATECH e-Handbook 6.1.6 (capability) and 6.3.2.2 (individuals). The constants are the three
decimal ones of the printed tables, because published studies are computed with them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

D2 = 1.128  # mean moving range of two values from a normal population, in sigmas
D4 = 3.267  # upper limit of that moving range, in mean moving ranges

Number = Decimal | float


@dataclass(frozen=True, slots=True)
class Capability:
    """How a process lies within its limits.

    `cp*` use `sigma_within` (from the moving range), `pp*` use `stdev` (all values, n - 1). An index is None
    where it is not defined: no limit on that side, fewer than two values, or no variation at all.
    """

    n: int
    mean: float | None
    stdev: float | None
    sigma_within: float | None
    cp: float | None
    cpl: float | None
    cpu: float | None
    cpk: float | None
    cpm: float | None
    pp: float | None
    ppl: float | None
    ppu: float | None
    ppk: float | None


@dataclass(frozen=True, slots=True)
class IndividualsChart:
    """Individuals and moving range chart of a series.

    `beyond` and `mr_beyond` hold positions (from 0) outside the limits; a point on a limit is inside.
    `moving_ranges[i]` lies between value i and value i + 1.
    """

    n: int
    centre: float | None
    ucl: float | None
    lcl: float | None
    moving_ranges: tuple[float, ...]
    mr_centre: float | None
    mr_ucl: float | None
    beyond: tuple[int, ...]
    mr_beyond: tuple[int, ...]


def capability(
    values: Sequence[Number],
    lsl: Number | None,
    usl: Number | None,
    target: Number | None = None,
    *,
    natural_limit: Number | None = None,
) -> Capability:
    """Cp, Cpk, Pp, Ppk of individual values against one or two specification limits.

    A one-sided specification has only the index of its side, and Cpk is that index. `natural_limit` is a
    bound the value cannot pass (0 for a flatness or a position); it gives a one-sided zone a width, so that
    Cp and Pp exist, but it is no limit and never enters Cpk.

    Raises ValueError when no limit is given, the lower one is not below the upper, or a value is not finite.
    """
    low, high = _limits(lsl, usl)
    origin, offsets = _centred(values)
    if not offsets:
        return Capability(0, *[None] * 12)
    mean_offset = math.fsum(offsets) / len(offsets)
    mean = origin + mean_offset
    overall = _stdev(offsets, mean_offset)
    ranges = _moving_ranges(offsets)
    within = math.fsum(ranges) / len(ranges) / D2 if ranges else None
    width = _zone_width(low, high, None if natural_limit is None else float(natural_limit))
    cp, cpl, cpu, cpk = _indices(mean, within, low, high, width)
    pp, ppl, ppu, ppk = _indices(mean, overall, low, high, width)
    cpm = None
    if cp is not None and within and target is not None:
        cpm = cp / math.sqrt(1 + ((mean - float(target)) / within) ** 2)
    return Capability(len(offsets), mean, overall, within, cp, cpl, cpu, cpk, cpm, pp, ppl, ppu, ppk)


def individuals_chart(values: Sequence[Number]) -> IndividualsChart:
    """Centre and three-sigma limits of single values, sigma taken from the mean moving range.

    Fewer than two values have no moving range and so no limits. Raises ValueError for a value that is not
    finite.
    """
    origin, offsets = _centred(values)
    ranges = _moving_ranges(offsets)
    if not ranges:
        return IndividualsChart(len(offsets), origin if offsets else None, None, None, (), None, None, (), ())
    mean = math.fsum(offsets) / len(offsets)
    mr_centre = math.fsum(ranges) / len(ranges)
    spread = 3 * mr_centre / D2
    mr_ucl = D4 * mr_centre
    return IndividualsChart(
        n=len(offsets),
        centre=origin + mean,
        ucl=origin + mean + spread,
        lcl=origin + mean - spread,
        moving_ranges=tuple(ranges),
        mr_centre=mr_centre,
        mr_ucl=mr_ucl,
        beyond=tuple(i for i, offset in enumerate(offsets) if abs(offset - mean) > spread),
        mr_beyond=tuple(i for i, moving_range in enumerate(ranges) if moving_range > mr_ucl),
    )


def _limits(lsl: Number | None, usl: Number | None) -> tuple[float | None, float | None]:
    low = None if lsl is None else float(lsl)
    high = None if usl is None else float(usl)
    if low is None and high is None:
        raise ValueError("capability needs a lower or an upper limit")
    if low is not None and high is not None and not low < high:
        raise ValueError(f"lower limit {low} is not below upper limit {high}")
    return low, high


def _centred(values: Sequence[Number]) -> tuple[float, list[float]]:
    """The first value, and every value as its distance from it.

    The subtraction happens before the change to float: values such as 10000000.2 keep all their digits.
    """
    if not values:
        return 0.0, []
    first = values[0]
    try:
        offsets = [float(value - first) for value in values]  # type: ignore[operator]
    except TypeError:  # Decimal and float mixed
        first = float(first)
        offsets = [float(value) - first for value in values]
    if not math.isfinite(first) or not all(map(math.isfinite, offsets)):
        raise ValueError("a measured value is not a finite number")
    return float(first), offsets


def _moving_ranges(offsets: list[float]) -> list[float]:
    return [abs(after - before) for before, after in pairwise(offsets)]


def _stdev(offsets: list[float], mean: float) -> float | None:
    if len(offsets) < 2:
        return None
    return math.sqrt(math.fsum((offset - mean) ** 2 for offset in offsets) / (len(offsets) - 1))


def _zone_width(low: float | None, high: float | None, natural_limit: float | None) -> float | None:
    floor = natural_limit if low is None else low
    ceiling = natural_limit if high is None else high
    return None if floor is None or ceiling is None else ceiling - floor


def _indices(
    mean: float, sigma: float | None, low: float | None, high: float | None, width: float | None
) -> tuple[float | None, float | None, float | None, float | None]:
    """The width index, the two side indices and the smaller of them, for one estimate of sigma."""
    if not sigma:
        return None, None, None, None
    lower = None if low is None else (mean - low) / (3 * sigma)
    upper = None if high is None else (high - mean) / (3 * sigma)
    sides = [side for side in (lower, upper) if side is not None]
    return None if width is None else width / (6 * sigma), lower, upper, min(sides)
