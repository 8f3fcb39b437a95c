"""What an address of the audit trail asks for."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit.models.journal import Operation
from audit.queries.trail import TrailFilter
from mfg_project.common.pages import asked_text, asked_uuid
from mfg_project.trail.access import require_trail_of, require_trail_of_everything
from mfg_project.trail.names import column_label, journalled_models, keys_called, model_of, table_label

PEOPLE_AT_MOST = 50
SOURCES = (
    ("web", _("Pages")),
    ("api", _("API")),
    ("admin", _("Administration")),
    ("task", _("Background task")),
    ("command", _("Command")),
    ("connector", _("Connector")),
    ("migrate", _("Installation")),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """As the person wrote it, for the form; `wanted` is what it means."""

    wanted: TrailFilter
    table: str = ""
    key: str = ""  # of one record's trail
    record: str = ""
    who: str = ""
    since: str = ""
    until: str = ""

    @property
    def is_narrowed(self) -> bool:
        return self.wanted != TrailFilter()


def read_filter(request: HttpRequest, table: str = "", key: str = "") -> Asked:
    """Refuses what the reader may not see; what means nothing here is left out."""
    table = table or (request.GET.get("type", "") if request.GET.get("type", "") in journalled_models() else "")
    key = key or (asked_text(request, "key") if table else "")
    if key:
        require_trail_of(table, key)
    else:
        require_trail_of_everything()
    record, who = asked_text(request, "record"), asked_text(request, "who")
    since, until = asked_text(request, "since"), asked_text(request, "until")
    people = _people(who)
    wanted = TrailFilter(
        tables=frozenset({table} if table else ()),
        keys=_keys(table, key, record),
        actors=people,
        actor_name="" if people else who,  # a program, or the installation
        request_id=asked_uuid(request, "request"),
        since=_moment(since),
        until=_moment(until, end=True),
        operation=request.GET.get("action", "") if request.GET.get("action") in Operation.values else "",
        changed=asked_text(request, "field") if table else "",
        reason=asked_text(request, "reason"),
        source=asked_text(request, "source"),
        station=asked_text(request, "station"),
    )
    return Asked(wanted, table, key, record, who, since, until)


def choices(asked: Asked) -> dict[str, Any]:
    """What the search form offers."""
    model = model_of(asked.table)
    fields = [str(field.column) for field in model._meta.concrete_fields] if model else []
    return {
        "types": sorted(((table, table_label(table)) for table in journalled_models()), key=lambda row: row[1]),
        "fields": sorted(((column, column_label(model, column)) for column in fields), key=lambda row: row[1]),
        "actions": Operation.choices,
        "sources": SOURCES,
    }


def _keys(table: str, key: str, record: str) -> dict[str, frozenset[str]] | None:
    if key:
        return {table: frozenset({key.lower()})}
    return keys_called(record, table) if record else None


def _people(text: str) -> frozenset[UUID]:
    """By the name printed now or the user name, so that all a person did is found under whatever name it was done."""
    if not text:
        return frozenset()
    found = User.objects.filter(Q(printed_name__icontains=text) | Q(username__icontains=text))
    return frozenset(found.values_list("pk", flat=True)[:PEOPLE_AT_MOST])


def _moment(text: str, *, end: bool = False) -> dt.datetime | None:
    """A day or a minute in plant time; the end of a period includes what it names."""
    try:
        day, moment = parse_date(text), parse_datetime(text)
        if day is not None and len(text) <= 10:
            moment = dt.datetime.combine(day + dt.timedelta(days=1 if end else 0), dt.time())
        elif moment is not None and end:
            moment += dt.timedelta(minutes=1)
        if moment is None or not 1970 <= moment.year <= 2200:
            return None
        return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    except (ValueError, OverflowError):
        return None
