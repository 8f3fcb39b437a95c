"""Numbers and times as people read them, in the language and the plant time of the request.

Views format, templates only print: localisation in a template is most of the cost of a long list.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

UNKNOWN = "—"
Number = int | float | Decimal


def number(value: Number | None, places: int | None = None) -> str:
    """Grouped; with `places` rounded to them, otherwise without trailing zeros. Unknown is a dash, never 0."""
    if value is None:
        return UNKNOWN
    text = f"{Decimal(str(value)):f}" if places is None else f"{value:.{places}f}"  # Django's own cut does not round
    if places is None and "." in text:
        text = text.rstrip("0").rstrip(".")
    return number_format(Decimal(text), decimal_pos=places, use_l10n=True, force_grouping=True)


def exact(value: Decimal | None) -> str:
    """A measured value with every digit it was recorded with: 1.50 stays 1.50."""
    return UNKNOWN if value is None else number_format(f"{value:f}", use_l10n=True, force_grouping=True)


def percent(value: float | None, places: int = 1) -> str:
    return UNKNOWN if value is None else _("%(number)s %%") % {"number": number(value, places)}


def duration(seconds: float | None) -> str:
    """As a person would say it: 45 s, 12 min, 1 h 05, 3 d 4 h."""
    if seconds is None:
        return UNKNOWN
    seconds = round(seconds)
    minutes = seconds // 60
    if minutes < 1:
        return _("%(s)s s") % {"s": seconds}
    if minutes < 60:
        return _("%(m)s min") % {"m": minutes}
    hours = minutes // 60
    if hours < 24:
        return _("%(h)s h %(mm)s") % {"h": hours, "mm": f"{minutes % 60:02d}"}
    return _("%(d)s d %(h)s h") % {"d": hours // 24, "h": hours % 24}


def hours(seconds: float | None) -> str:
    """Long durations that are compared with each other: always hours and minutes, 125 h 05."""
    if seconds is None:
        return UNKNOWN
    minutes = round(seconds / 60)
    return _("%(h)s h %(mm)s") % {"h": number(minutes // 60), "mm": f"{minutes % 60:02d}"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment for a page: short text in plant time, everything on hover, ISO for machines."""

    text: str
    clock: str
    full: str
    iso: str


def moment(at: dt.datetime | None, *, now: dt.datetime | None = None) -> Moment | None:
    if at is None:
        return None
    local = timezone.localtime(at)
    clock = f"{local:%H:%M}"
    today = timezone.localtime(now).date() if now else timezone.localdate()
    if local.date() == today:
        text = clock
    elif local.year == today.year:
        text = f"{day(local)} {clock}"
    else:
        text = f"{local:%Y-%m-%d} {clock}"
    return Moment(text, clock, both_zones(at), at.astimezone(dt.UTC).isoformat())


def both_zones(at: dt.datetime) -> str:
    """Plant time and UTC to the second: 2026-01-31 17:05:09 JST · 08:05:09 UTC."""
    local, utc = timezone.localtime(at), at.astimezone(dt.UTC)
    utc_text = f"{utc:%H:%M:%S}" if utc.date() == local.date() else f"{utc:%Y-%m-%d %H:%M:%S}"
    if local.utcoffset() == dt.timedelta(0):
        return f"{utc:%Y-%m-%d %H:%M:%S} UTC"
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_name(local)} · {utc_text} UTC"


def zone_name(local: dt.datetime) -> str:
    """JST, CET, or the offset where the zone has no letters."""
    name = local.tzname() or ""
    return name if name.isalpha() else f"UTC{local:%z}"


def day(value: dt.date) -> str:
    """A day of this year, short."""
    # Translators: Django date format of a short day without the year
    return date_format(value, pgettext("short day", "M j"))
