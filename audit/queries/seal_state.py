"""How far the journal is sealed now, and what keeps it from being sealed: asked by pages and by the watch.

Nothing here counts the journal: what waits is found in the index the sealer reads, and at most MOST of it is counted.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection

MOST = 10_000
LONG = dt.timedelta(minutes=1)  # a transaction of a page or a task lasts a fraction of a second

_STATE = """
    WITH head AS (
        SELECT e.*, c.size, c.root, c.at, c.note, coalesce(c.horizon, e.first_xid) AS horizon
        FROM journal_epoch e LEFT JOIN LATERAL (
            SELECT * FROM journal_checkpoint c WHERE c.epoch = e.epoch ORDER BY c.size DESC LIMIT 1) c ON true
        ORDER BY e.epoch DESC LIMIT 1
    ), place AS (
        SELECT coalesce((SELECT horizon FROM head), '0'::xid8) AS horizon,
            coalesce((SELECT entries_before FROM head), 0) AS before
    )
    SELECT head.epoch, head.began_at, head.reason, head.origin, head.public_key, coalesce(head.size, 0), head.root,
        head.at, coalesce(head.note, ''),
        (SELECT coalesce(sum(size), 0) FROM journal_epoch e CROSS JOIN LATERAL (
            SELECT size FROM journal_checkpoint c WHERE c.epoch = e.epoch ORDER BY size DESC LIMIT 1) AS last)::bigint,
        (SELECT count(*) FROM (SELECT FROM journal_entry w WHERE w.xid >= place.horizon AND w.id > place.before
            LIMIT %s) AS few),
        (SELECT w.at FROM journal_entry w WHERE w.xid >= place.horizon AND w.id > place.before
            ORDER BY w.xid, w.id LIMIT 1),
        statement_timestamp()
    FROM place LEFT JOIN head ON true
"""

# What writes: `pg_locks` names every transaction with an id. Since when is told only of sessions of one's own role.
_OPEN = """
    SELECT a.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, ''), coalesce(a.state, ''), a.xact_start
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND (
        (a.xact_start < statement_timestamp() - %(long)s::interval
            AND (a.backend_xid IS NOT NULL OR a.state LIKE 'idle in%%'))
        OR (a.xact_start IS NULL AND a.state IS NULL AND EXISTS (
            SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock'
                AND l.granted)))
    UNION ALL
    SELECT 0, gid, owner::text, 'prepared', prepared FROM pg_prepared_xacts
    WHERE database = current_database() AND prepared < statement_timestamp() - %(long)s::interval
    ORDER BY 5 NULLS LAST, 1
"""

_PARTITIONS = r"""
    SELECT (found[1])::timestamptz, (found[2])::timestamptz FROM (
        SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') AS found
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'journal_entry'::regclass
    ) AS bounds ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class SealState:
    """`epoch` 0: nothing was ever sealed."""

    epoch: int
    began_at: dt.datetime | None
    reason: str
    origin: str
    public_key: str
    size: int
    root: str
    sealed_at: dt.datetime | None
    note: str
    sealed_in_all: int  # of every epoch
    pending: int  # at most MOST + 1
    oldest: dt.datetime | None  # of what waits
    now: dt.datetime

    @property
    def lag(self) -> dt.timedelta:
        """How long the oldest entry has been waiting for its seal."""
        return max(self.now - self.oldest, dt.timedelta()) if self.oldest else dt.timedelta()

    @property
    def lag_seconds(self) -> float:
        return self.lag.total_seconds()


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """One that holds the seals back; `pid` 0 is a prepared transaction, without `since` it is another role's."""

    pid: int
    application: str
    user: str
    state: str
    since: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Partitions:
    """Months of the journal: the whole ones after this, without a gap, and when writing stops if none is made."""

    ahead: int
    until: dt.datetime | None  # None: not even this month has one


def seal_state() -> SealState:
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [MOST + 1])
        epoch, began, reason, origin, key, size, root, at, note, in_all, pending, oldest, now = cursor.fetchone()
    return SealState(
        epoch or 0, began, reason or "", origin or "", key or "", size, bytes(root or b"").hex(), at, note, in_all,
        pending, oldest, now,
    )  # fmt: skip


def open_transactions() -> list[OpenTransaction]:
    """Those that have been writing, or idle after a write, for longer than LONG."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"long": f"{LONG.total_seconds()} s"})
        return [OpenTransaction(*row) for row in cursor.fetchall()]


def partitions(now: dt.datetime) -> Partitions:
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        return months_ahead(cursor.fetchall(), now)


def months_ahead(bounds: list[tuple[dt.datetime, dt.datetime]], now: dt.datetime) -> Partitions:
    ahead, until = 0, None
    for begins, ends in sorted(bounds):
        if until is None:
            until = ends if begins <= now < ends else None
        elif begins == until:
            ahead, until = ahead + 1, ends
    return Partitions(ahead, until)


def epoch_head(epoch: int) -> dict[str, Any] | None:
    """Key and last checkpoint of one epoch."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.epoch, e.public_key, c.size, c.root, c.at, c.note FROM journal_epoch e"
            " LEFT JOIN journal_checkpoint c USING (epoch) WHERE e.epoch = %s ORDER BY c.size DESC NULLS LAST LIMIT 1",
            [epoch],
        )
        row = cursor.fetchone()
    return dict(zip(("epoch", "public_key", "size", "root", "at", "note"), row, strict=True)) if row else None
