"""The plant's clock, for evidence that is read in plant time. The zone belongs to a floor above, which hands it in."""

import datetime as dt
import zoneinfo
from collections.abc import Callable

_UTC = zoneinfo.ZoneInfo("UTC")


class _Given:
    zone: Callable[[], zoneinfo.ZoneInfo] = staticmethod(lambda: _UTC)


def provide(zone: Callable[[], zoneinfo.ZoneInfo]) -> None:
    _Given.zone = staticmethod(zone)


def plant_zone() -> zoneinfo.ZoneInfo:
    return _Given.zone()


def offset_minutes(at: dt.datetime, zone: dt.tzinfo) -> int:
    """How far the plant's clocks were ahead of UTC at that moment."""
    offset = at.astimezone(zone).utcoffset() or dt.timedelta(0)
    return round(offset.total_seconds() / 60)


def with_offset(at: dt.datetime, *, zone: str, offset: int | None) -> str:
    """2026-10-25 02:30:00+01:00 (Europe/Berlin) · 01:30:00 UTC: one moment, also in the hour that comes twice."""
    utc = at.astimezone(dt.UTC)
    if offset is None or not zone:
        return f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    local = at.astimezone(dt.timezone(dt.timedelta(minutes=offset)))
    utc_text = f"{utc:%H:%M:%S}" if utc.date() == local.date() else f"{utc:%Y-%m-%d %H:%M:%S}"
    return f"{local.isoformat(sep=' ', timespec='seconds')} ({zone}) · {utc_text} UTC"
