"""What becomes of a reading: sources, their keys and series, remembered by each process.

The database gives every state of them a name (`telemetry_catalogue`); who stores readings reads it in the same
transaction and, when it is another one, starts over with what holds now. So nothing here is ever out of date.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db import connection
from django.utils import timezone

from telemetry.models import DataSource, DeviceKey, Series


@dataclass(frozen=True, slots=True)
class KnownSource:
    id: UUID
    code: str
    points_per_second: int
    numbers: dict[str, int] = field(default_factory=dict)  # of its active series, by their names at the source


@dataclass(frozen=True, slots=True)
class KnownKey:
    source: UUID
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    version: UUID
    sources: dict[UUID, KnownSource]
    keys: dict[str, KnownKey]
    minimum: npt.NDArray[np.float64]  # by number of the series
    maximum: npt.NDArray[np.float64]

    def source_of(self, key: str) -> KnownSource | None:
        """The active source that a device's key opens."""
        known = self.keys.get(sha256(key.encode()).hexdigest())
        if known is None or (known.expires_at and known.expires_at <= timezone.now()):
            return None
        return self.sources.get(known.source)


class _Remembered:
    catalogue: Catalogue | None = None


class SourceGone(Exception):
    """The source is not there, switched off, or the key shown does not open it (any more)."""


def find_source(find: Callable[[Catalogue], KnownSource | None]) -> KnownSource:
    """The source as this process remembers it. Raises SourceGone when there is none in the database either."""
    known = current()
    found = find(known) or (find(read_anew()) if known.version != version() else None)
    if found is None:
        raise SourceGone
    return found


def version() -> UUID:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM telemetry_catalogue")
        found: UUID = cursor.fetchone()[0]
        return found


def current() -> Catalogue:
    """As this process remembers it; who depends on it being true compares `version`."""
    return _Remembered.catalogue or read_anew()


def read_anew() -> Catalogue:
    found = version()  # first: what changes while the rest is read makes this reading an old one
    sources = {
        source.pk: KnownSource(source.pk, source.code, source.points_per_second)
        for source in DataSource.objects.filter(is_active=True)
    }
    keys = DeviceKey.objects.filter(is_active=True, source__in=sources).values_list("sha256", "source_id", "expires_at")
    rows = list(
        Series.objects.filter(is_active=True, source__in=sources).values_list(
            "source_id", "source_key", "number", "minimum", "maximum"
        )
    )
    for source_id, name, number, _low, _high in rows:
        sources[source_id].numbers[name] = number
    catalogue = Catalogue(
        found,
        sources,
        {digest: KnownKey(source, expires) for digest, source, expires in keys},
        _by_number({row[2]: row[3] for row in rows}, -np.inf),
        _by_number({row[2]: row[4] for row in rows}, np.inf),
    )
    _Remembered.catalogue = catalogue
    return catalogue


def _by_number(limits: dict[int, float | None], otherwise: float) -> npt.NDArray[np.float64]:
    table = np.full(max(limits, default=0) + 1, otherwise)
    for number, limit in limits.items():
        if limit is not None:
            table[number] = limit
    return table
