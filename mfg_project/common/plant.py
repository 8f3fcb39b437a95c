"""What every page needs to know of the plant: its name and its clock.

The row belongs to `equipment`, a floor above: it hands the reader in (`AppConfig.ready`) and tells of changes.
A process remembers the answer for some seconds, so that no request pays for it.
"""

import time
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.db import DatabaseError

log = structlog.get_logger(__name__)

REMEMBERED_SECONDS = 10.0  # how long another process may show the old name after a change


@dataclass(frozen=True, slots=True)
class Plant:
    name: str
    time_zone: str

    @property
    def tz(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


UNKNOWN = Plant(name="", time_zone="UTC")  # before the first site exists


class _Memory:
    read: Callable[[], Plant | None] = staticmethod(lambda: None)
    plant: Plant | None = None
    read_at: float = float("-inf")


def provide(read: Callable[[], Plant | None]) -> None:
    """The app that owns the plant says how to read it."""
    _Memory.read = staticmethod(read)


def remember(plant: Plant | None) -> None:
    _Memory.plant, _Memory.read_at = plant, time.monotonic()


def forget() -> None:
    _Memory.plant, _Memory.read_at = None, float("-inf")


def current_plant() -> Plant:
    """The plant; what was known last while the database is away, so that an error page can still be drawn."""
    if time.monotonic() - _Memory.read_at > REMEMBERED_SECONDS:
        try:
            remember(_Memory.read())
        except DatabaseError as error:
            _Memory.read_at = time.monotonic()  # the next pages must not wait for the database as well
            log.warning("plant_not_read", error=str(error))
    return _Memory.plant or UNKNOWN
