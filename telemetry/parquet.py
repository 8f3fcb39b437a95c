"""Days of readings as Parquet files: sorted by series and time, compressed 60 times against a table with its index.

Columns: series (number), time (microseconds since 1970, UTC), value, quality. Any tool that reads Parquet reads them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from telemetry.points import Points

WRITE = """
    COPY (SELECT * FROM readings) TO '{path}'
    (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 9)
"""
SUMS = """
    SELECT count(*), coalesce(sum(value) FILTER (WHERE isfinite(value)), 0), min(time), max(time),
        count(DISTINCT series)
    FROM read_parquet([{path}])
"""
READ = """
    SELECT time, value, quality FROM read_parquet({paths})
    WHERE series = ? AND time >= ? AND time < ? ORDER BY time
"""


@contextmanager
def _engine(place: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """In memory, or in a file where a day may be larger than memory; one thread, as its process has more to do."""
    engine = duckdb.connect(str(place) if place else ":memory:", config={"threads": 1, "memory_limit": "512MB"})
    try:
        yield engine
    finally:
        engine.close()
        if place:
            place.unlink(missing_ok=True)


def write(path: Path, parts: Iterable[Points]) -> None:
    """Parts come in the order they are to be stored in."""
    with _engine(path.with_suffix(".building")) as engine:
        engine.execute("CREATE TABLE readings (series INTEGER, time BIGINT, value DOUBLE, quality SMALLINT)")
        for part in parts:
            columns = {"series": part.series, "time": part.time, "value": part.value, "quality": part.quality}
            columns = {name: np.ascontiguousarray(column) for name, column in columns.items()}
            engine.register("part", columns)
            engine.execute("INSERT INTO readings SELECT series, time, value, quality FROM part")
            engine.unregister("part")
        engine.execute(WRITE.format(path=_quoted(path)))


def sums(path: Path) -> tuple[Any, ...]:
    """How many readings, sum of the finite values, first and last moment, and how many series."""
    with _engine() as engine:
        found = engine.execute(SUMS.format(path=f"'{_quoted(path)}'")).fetchone()
    assert found is not None  # noqa: S101 for the type checker: an aggregate has a row
    return found


def read(paths: Sequence[Path], series: int, start_us: int, end_us: int) -> list[tuple[int, float, int]]:
    """Time, value and quality of one series from `start_us` to `end_us` (not included), in order of time."""
    if not paths:
        return []
    files = "[" + ", ".join(f"'{_quoted(path)}'" for path in paths) + "]"
    with _engine() as engine:
        return engine.execute(READ.format(paths=files), [series, start_us, end_us]).fetchall()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
