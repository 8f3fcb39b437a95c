"""Searching the journal: newest first, at a price that does not grow with it.

Ten million entries are never counted or leafed through. What an index finds directly (a record, a person, an act)
is looked up; everything else is looked for backwards through a stretch of entries at a time, and the reader says
whether to look further back.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max, Min, Q, QuerySet

from audit.models import JournalEntry

FEW = 5_000  # so many are looked up by index and sorted; of more there are enough in any stretch
STRETCH = 200_000  # entries one search looks through


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """Everything must hold. `keys` are the records looked for, by table; an empty set finds nothing."""

    tables: frozenset[str] = frozenset()
    keys: Mapping[str, frozenset[str]] | None = None
    actors: frozenset[UUID] = frozenset()
    actor_name: str = ""
    request_id: UUID | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    operation: str = ""
    changed: str = ""  # a column
    reason: str = ""
    source: str = ""
    station: str = ""

    def indexed(self) -> Q:
        """What an index answers."""
        found = Q()
        if self.keys is not None:
            found &= _any(Q(table_name=table, pk_text__in=keys) for table, keys in self.keys.items() if keys)
        elif self.tables:
            found &= Q(table_name__in=self.tables)
        if self.actors:
            found &= Q(actor_id__in=self.actors)
        if self.request_id:
            found &= Q(request_id=self.request_id)
        return found

    def rest(self) -> Q:
        found = Q()
        for condition in (
            self.since and Q(tx_at__gte=self.since),
            self.until and Q(tx_at__lt=self.until),
            self.operation and Q(op=self.operation),
            self.changed and Q(changed__contains=[self.changed]),
            self.actor_name and Q(actor_name__icontains=self.actor_name),
            self.reason and (Q(reason__icontains=self.reason) | Q(reason_code=self.reason)),
            self.source and (Q(source=self.source) | Q(source__startswith=f"{self.source}:")),
            self.station and Q(station__icontains=self.station),
        ):
            if condition:
                found &= condition
        return found


@dataclass(slots=True)
class TrailPage:
    entries: list[JournalEntry]
    before: int | None = None  # where the next page begins; None: there is nothing older
    looked_back_to: dt.datetime | None = None  # the search stopped here, and may go on
    seals: dict[int, "Seal"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seal:
    epoch: int
    index: int


def search(wanted: TrailFilter, *, before: int | None = None, size: int = 50) -> TrailPage:
    """The page of entries older than `before`, newest first, with their seals."""
    rows, lowest = _rows(wanted, before, size)
    found = list(rows.order_by("-id")[: size + 1]) if rows is not None else []
    page = TrailPage(found[:size])
    if len(found) > size:
        page.before = page.entries[-1].id
    elif lowest is not None:
        page.before = lowest
        page.looked_back_to = _began(lowest)
    page.seals = seals_of(entry.id for entry in page.entries)
    return page


def pages(wanted: TrailFilter, *, size: int) -> Iterator[TrailPage]:
    """All that is found, newest first, however far back: for exports that are streamed."""
    before: int | None = None
    while True:
        page = search(wanted, before=before, size=size)
        yield page
        if page.before is None:
            return
        before = page.before


def seals_of(entries: Iterable[int]) -> dict[int, Seal]:
    """Where the sealed ones of these entries stand in the tree; what is not in it waits for the sealer."""
    wanted = list(entries)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT entry_id, epoch, idx FROM journal_leaf WHERE entry_id = ANY (%s)", [wanted])
        return {entry: Seal(epoch, index) for entry, epoch, index in cursor.fetchall()}


def _rows(wanted: TrailFilter, before: int | None, size: int) -> tuple[QuerySet[JournalEntry] | None, int | None]:
    """The rows to choose from, and where the stretch ends if older ones were left out; no rows: nothing can match."""
    if wanted.keys is not None and not any(wanted.keys.values()):
        return None, None
    indexed, rest = wanted.indexed(), wanted.rest()
    rows = JournalEntry.objects.filter(rest)
    if before is not None:
        rows = rows.filter(id__lt=before)
    if indexed:
        found = _in_period(JournalEntry.objects.filter(indexed), wanted)
        few = list(found.values_list("id", "tx_at")[: FEW + 1])
        if not few:
            return None, None
        if len(few) <= FEW:
            if not rest:  # every one of them matches: only those of the page are read
                few = sorted((pair for pair in few if before is None or pair[0] < before), reverse=True)[: size + 1]
            if not few:
                return None, None
            moments = [tx_at for _id, tx_at in few]  # so that only the months of these entries are opened
            return rows.filter(id__in=[i for i, _at in few], tx_at__range=(min(moments), max(moments))), None
    return _stretch(rows.filter(indexed), wanted, before)


def _stretch(
    rows: QuerySet[JournalEntry], wanted: TrailFilter, before: int | None
) -> tuple[QuerySet[JournalEntry] | None, int | None]:
    ends = _in_period(JournalEntry.objects.all(), wanted).aggregate(first=Min("id"), last=Max("id"))
    if ends["last"] is None:
        return None, None
    newest = ends["last"] if before is None else min(ends["last"], before - 1)
    if wanted == TrailFilter(since=wanted.since, until=wanted.until):  # every entry matches: a page is found at once
        return rows.filter(id__gte=ends["first"], id__lte=newest), None
    lowest = newest - STRETCH + 1
    rows = rows.filter(id__gte=max(lowest, ends["first"]), id__lte=newest)
    return rows, lowest if lowest > ends["first"] else None


def _in_period(rows: QuerySet[JournalEntry], wanted: TrailFilter) -> QuerySet[JournalEntry]:
    """Only the months of the period are opened; their ends are found in the index of the key."""
    if wanted.since:
        rows = rows.filter(tx_at__gte=wanted.since)
    return rows.filter(tx_at__lt=wanted.until) if wanted.until else rows


def _began(entry_id: int) -> dt.datetime | None:
    found: Any = JournalEntry.objects.filter(id__gte=entry_id).order_by("id").values_list("tx_at", flat=True).first()
    return found


def _any(conditions: Iterable[Q]) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found
