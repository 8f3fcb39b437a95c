"""Which period of the audit trail has to be reviewed next, and what stands in it.

What a review covers: entries of transactions that began in [since, until), and those that began earlier but were sealed
only after the review before (a transaction that was open for long). So nothing is left out and nothing waits for ever.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone
from psycopg.sql import SQL, Composable, Literal

from audit.models import JournalEntry, TrailReview

REVIEWING = "review_trail"  # the step itself: no act of the process that somebody would have to look at
LISTED = 50  # exceptions of a kind that are shown; of more the trail itself is searched


@dataclass(frozen=True, slots=True)
class ReviewDue:
    """`since` None: nothing was ever recorded."""

    scope: str
    last: TrailReview | None
    since: dt.datetime | None
    due_at: dt.datetime | None
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class CoveredBy:
    """The checkpoint a review names: everything reviewed stands in the tree with this root."""

    epoch: int
    size: int
    root: str


@dataclass(frozen=True, slots=True)
class Period:
    scope: str
    since: dt.datetime
    until: dt.datetime
    follows: TrailReview | None
    checkpoint: CoveredBy


@dataclass(slots=True)
class Found:
    """What stands in a period. `listed` are the newest LISTED entries of each kind of exception."""

    entries: int = 0
    by_people: int = 0  # reviews themselves aside
    by_reviewer: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    exceptions: dict[str, int] = field(default_factory=dict)
    listed: dict[str, list[int]] = field(default_factory=dict)


def review_due(scope: str) -> ReviewDue:
    last = TrailReview.objects.filter(scope=scope).order_by("-until").first()
    since = last.until if last else _began()
    due_at = since + dt.timedelta(days=settings.TRAIL_REVIEW_DAYS) if since else None
    return ReviewDue(scope, last, since, due_at, due_at is not None and timezone.now() > due_at)


def _began() -> dt.datetime | None:
    """Midnight before the first entry, as far as the journal goes back."""
    first = JournalEntry.objects.order_by("id").values_list("tx_at", flat=True).first()
    return timezone.localtime(first).replace(hour=0, minute=0, second=0, microsecond=0) if first else None


def checkpoint_at(epoch: int, size: int) -> CoveredBy | None:
    """A checkpoint of the present epoch; of an earlier one nothing new is said."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.epoch, c.size, encode(c.root, 'hex') FROM journal_checkpoint c WHERE c.epoch = %s AND c.size = %s"
            " AND c.epoch = (SELECT max(epoch) FROM journal_epoch)",
            [epoch, size],
        )
        row = cursor.fetchone()
    return CoveredBy(*row) if row else None


def unsealed_before(until: dt.datetime, checkpoint: CoveredBy) -> int:
    """Entries of the time before `until` that this checkpoint does not cover; a hundred are enough to know."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM journal_entry w, journal_epoch e JOIN journal_checkpoint c USING (epoch)"
            " WHERE c.epoch = %s AND c.size = %s AND w.xid >= c.horizon AND w.id > e.entries_before AND w.tx_at < %s"
            " LIMIT 100) AS few",
            [checkpoint.epoch, checkpoint.size, until],
        )
        found: int = cursor.fetchone()[0]
    return found


def look_through(period: Period, kinds: Mapping[str, Composable], *, reviewer: UUID) -> Found:
    """Read the period once. `kinds` are conditions on an entry `e`; what meets one is an exception."""
    covered = _covered(period)
    return _with_exceptions(_counted(covered, reviewer), covered, kinds)


def covers(period: Period, entries: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Table and key of those of these entries that stand in the period."""
    query = SQL("SELECT e.id, e.table_name, e.pk FROM journal_entry e WHERE {covered} AND e.id = ANY ({some})")
    return {
        entry: (table, key)
        for entry, table, key in _rows(query.format(covered=_covered(period), some=Literal(list(entries))))
    }


def _covered(period: Period) -> Composable:
    late = _late(period)
    opens = min([period.since, *(at for _entry, at in late)])
    # Without a review before, everything older counts as well
    within = SQL("e.tx_at < {until}").format(until=Literal(period.until))
    if period.follows is not None:
        within = SQL("{within} AND e.tx_at >= {opens} AND (e.tx_at >= {since} OR e.id = ANY ({late}))").format(
            within=within,
            opens=Literal(opens),
            since=Literal(period.since),
            late=Literal([entry for entry, _at in late]),
        )
    if period.scope:
        within = SQL("{within} AND e.table_name = ANY ({tables})").format(
            within=within, tables=Literal(period.scope.split(","))
        )
    return within


def _late(period: Period) -> list[tuple[int, dt.datetime]]:
    """Entries of the time before the period that were sealed only after the review before."""
    if period.follows is None:
        return []
    query = SQL(
        "SELECT entry_id, tx_at FROM journal_leaf WHERE (epoch, idx) >= ({epoch}, {size}) AND tx_at < {since}"
    ).format(
        epoch=Literal(period.follows.epoch),
        size=Literal(period.follows.checkpoint_size),
        since=Literal(period.since),
    )
    return [(entry, at) for entry, at in _rows(query)]


def _counted(covered: Composable, reviewer: UUID) -> Found:
    query = SQL(
        "SELECT e.table_name, e.op, count(*),"
        " count(*) FILTER (WHERE e.actor_type = 'user' AND e.reason_code <> {reviewing}),"
        " count(*) FILTER (WHERE e.actor_id = {reviewer} AND e.reason_code <> {reviewing})"
        " FROM journal_entry e WHERE {covered} GROUP BY 1, 2"
    ).format(reviewer=Literal(reviewer), reviewing=Literal(REVIEWING), covered=covered)
    found = Found()
    for table, operation, entries, by_people, by_reviewer in sorted(_rows(query)):
        found.counts.setdefault(table, {})[operation] = entries
        found.entries += entries
        found.by_people += by_people
        found.by_reviewer += by_reviewer
    return found


def _with_exceptions(found: Found, covered: Composable, kinds: Mapping[str, Composable]) -> Found:
    found.exceptions, found.listed = dict.fromkeys(kinds, 0), {kind: [] for kind in kinds}
    each = SQL(", ").join(
        SQL("({name}, {condition})").format(name=Literal(name), condition=condition)
        for name, condition in kinds.items()
    )
    query = SQL(
        "SELECT kind, id, total FROM ("
        " SELECT kind, id, count(*) OVER (PARTITION BY kind) AS total,"
        "  row_number() OVER (PARTITION BY kind ORDER BY id DESC) AS place"
        " FROM journal_entry e CROSS JOIN LATERAL (VALUES {each}) AS k (kind, is_one)"
        " WHERE {covered} AND ({some}) AND is_one) AS numbered"
        " WHERE place <= {listed} ORDER BY kind, place"
    ).format(each=each, covered=covered, some=SQL(" OR ").join(kinds.values()), listed=Literal(LISTED))
    for kind, entry, total in _rows(query):
        found.exceptions[kind] = total
        found.listed[kind].append(entry)
    return found


def _rows(query: Composable) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query.as_string(cursor.cursor))
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return rows
