import datetime as dt
import zoneinfo

from django.utils import timezone

from equipment.models import Site
from mfg_project.common.plant import Plant


def plant_of(site: Site) -> Plant:
    return Plant(name=site.name, time_zone=site.time_zone)


def read_plant() -> Plant | None:
    site = Site.objects.first()
    return plant_of(site) if site else None


def plant_time_zone() -> zoneinfo.ZoneInfo:
    site = Site.objects.first()
    return site.tz if site else zoneinfo.ZoneInfo("UTC")


def production_day(*, at: dt.datetime | None = None) -> dt.date:
    """The plant's production day of a moment: it begins at the site's hour, so a night shift stays whole."""
    site = Site.objects.first()
    moment = at or timezone.now()
    if site is None:
        return moment.astimezone(dt.UTC).date()
    start = site.production_day_start
    local = moment.astimezone(site.tz).replace(tzinfo=None)
    return (local - dt.timedelta(hours=start.hour, minutes=start.minute)).date()


def production_day_bounds(*, day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """First and first-after moment of a production day (23, 24 or 25 hours apart around summer time)."""
    site = Site.objects.first()
    zone: dt.tzinfo = site.tz if site else dt.UTC
    start = site.production_day_start if site else dt.time(0, 0)
    return (
        dt.datetime.combine(day, start, tzinfo=zone),
        dt.datetime.combine(day + dt.timedelta(days=1), start, tzinfo=zone),
    )
