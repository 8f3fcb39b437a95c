"""Readings on their way into the database, many at a time."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from telemetry.enums import HeldBack

POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01, where PostgreSQL's own count of microseconds begins
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
EPOCH = dt.date(1970, 1, 1)

# One row of COPY BINARY: the number of columns, then length and value of each, all big-endian.
_ROW = np.dtype({
    "names": ["columns", "l1", "time", "l2", "value", "l3", "series", "l4", "quality"],
    "formats": [">i2", ">i4", ">i8", ">i4", ">f8", ">i4", ">i4", ">i4", ">i2"],
})  # fmt: skip
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"


@dataclass(frozen=True, slots=True)
class Odd:
    """A reading as it came: microseconds since 1970 and value where they could be read, else its text."""

    name: str
    reason: HeldBack
    time: int | None = None
    value: float | None = None
    quality: int = 0
    text: str = ""


@dataclass(slots=True)
class Sent:
    """Readings as a door read them: names at the source, microseconds since 1970, values, `Quality`.

    `odd` are those the door could not make numbers of.
    """

    names: Sequence[str]
    times: Sequence[int] | npt.NDArray[np.int64]
    values: Sequence[float]
    qualities: Sequence[int] | None = None
    odd: Sequence[Odd] = ()


@dataclass(slots=True)
class Points:
    """Columns of equal length: number of the series, microseconds since 1970 (UTC), value, `Quality`."""

    series: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.series)

    def where(self, mask: npt.NDArray[np.bool_]) -> "Points":
        return Points(self.series[mask], self.time[mask], self.value[mask], self.quality[mask])

    def as_copy(self) -> bytes:
        """The body of COPY (time, value, series, quality) FROM STDIN (FORMAT BINARY)."""
        rows = np.zeros(len(self), _ROW)
        rows["columns"] = 4
        rows["l1"], rows["l2"], rows["l3"], rows["l4"] = 8, 8, 4, 2
        rows["time"] = self.time - POSTGRES_EPOCH_US
        rows["value"], rows["series"], rows["quality"] = self.value, self.series, self.quality
        return _HEAD + rows.tobytes() + _TAIL

    def as_lists(self) -> tuple[list[Any], ...]:
        return self.time.tolist(), self.value.tolist(), self.series.tolist(), self.quality.tolist()

    def days(self) -> list[dt.date]:
        return [EPOCH + dt.timedelta(days=day) for day in np.unique(self.time // DAY_US).tolist()]

    def of_days(self, days: frozenset[dt.date]) -> npt.NDArray[np.bool_]:
        """Which of them lie on one of these days."""
        return np.isin(self.time // DAY_US, [(day - EPOCH).days for day in days])

    def hours(self) -> list[tuple[int, int]]:
        """Each series and hour (its beginning, microseconds since 1970) that occurs."""
        pairs = np.unique(np.stack([self.series, self.time // HOUR_US], axis=1), axis=0)
        return [(series, hour * HOUR_US) for series, hour in pairs.tolist()]
