"""The sealer: every few seconds it takes what is committed into the journal's Merkle tree and signs a checkpoint.

Never inside a trigger: a chain in the write path would put all writers in one queue (measured: 6 to 11 times slower).
Which entries are complete is decided by transaction ids, not by entry ids: an entry with a smaller id may be committed
later, but no transaction of this database below the horizon is still open, so what is sealed never gains an entry.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings

from audit.checkpoint import Checkpoint, SigningKey
from audit.merkle import TILE_WIDTH, Tile, TileAppender, tile_root

# Before which transaction all are finished: the oldest that runs in this snapshot, those aside that are seen at work in
# another database of the cluster. (`backend_xid` lacks the epoch, hence the mask.)
COMPLETE = """
    SELECT coalesce(
        (SELECT min(running) FROM pg_snapshot_xip(pg_current_snapshot()) AS running WHERE NOT EXISTS (
            SELECT FROM pg_stat_activity a JOIN pg_database d ON d.oid = a.datid
            WHERE a.backend_xid::text::bigint = running::text::bigint & 4294967295
              AND d.datname <> current_database())),
        pg_snapshot_xmax(pg_current_snapshot()))
"""
ENTRIES = "FROM journal_entry WHERE id > %(before)s AND xid >= %(from)s::xid8 ORDER BY xid, id"
SEALER_LOCK = 4_812_017
BATCH = 50_000  # entries a checkpoint; what is left waits for the next
FIRST_EPOCH = "The first of this plant."


class SealingRefused(Exception):
    """The sealer stops until a person has looked; the message says at what."""


@dataclass(frozen=True)
class Sealed:
    added: int
    checkpoint: Checkpoint
    note: str
    is_last: bool  # nothing complete was left over


@dataclass(frozen=True)
class _Head:
    """Where the tree of the current epoch stands."""

    epoch: int
    size: int
    horizon: str
    entries_before: int
    note: str
    public_key: str
    system_identifier: str


def seal(connection: psycopg.Connection, key: SigningKey) -> Sealed | None:
    """Seal what is complete, in one transaction; None when another sealer is at work or nothing is new.

    Killed at any moment it leaves all or nothing of this. Raises SealingRefused in another cluster than the one
    the epoch began in, or with another key.
    """
    with connection.transaction():
        if not _alone(connection):
            return None
        head = _head(connection)
        if head is None:
            head = _open_epoch(connection, key, number=1, follows="", reason=FIRST_EPOCH)
        _check_place(connection, head, key)
        horizon, is_last = _next_horizon(connection, head)
        leaves = _add_leaves(
            connection,
            head,
            "id > %(before)s AND xid >= %(from)s::xid8 AND xid < %(to)s::xid8",
            {"before": head.entries_before, "from": head.horizon, "to": horizon},
        )
        return _signed(connection, key, head, leaves, horizon, is_last) if leaves else None


def begin_epoch(connection: psycopg.Connection, key: SigningKey, *, reason: str) -> int:
    """Begin a tree of its own, tied to the last checkpoint of the one before. A person decides that.

    What no epoch has sealed becomes its beginning. Raises SealingRefused while somebody writes: which entries are of
    the past must be certain.
    """
    with connection.transaction():
        head = _head(connection) if _alone(connection) else None
        if head is None:
            raise SealingRefused("There is no epoch to follow, or another sealer is at work.")
        if not _one(connection, f"SELECT ({COMPLETE}) = pg_snapshot_xmax(pg_current_snapshot())"):
            raise SealingRefused("Somebody writes to this database. Stop the application first.")
        new = _open_epoch(connection, key, number=head.epoch + 1, follows=head.note, reason=reason)
        leaves = _add_leaves(connection, new, "NOT EXISTS (SELECT FROM journal_leaf l WHERE l.entry_id = e.id)", {})
        if leaves:
            _signed(connection, key, new, leaves, new.horizon, is_last=True)
    return new.epoch


class StoredTiles:
    """Tiles of an epoch's tree as the database keeps them: leaves, and the roots of full tiles."""

    def __init__(self, connection: Any, epoch: int, schema: str = "") -> None:
        self.connection, self.epoch = connection, epoch
        self.prefix = f'"{schema}".' if schema else ""  # for who verifies, and has no schema of the plant in its path

    def get(self, level: int, index: int) -> bytes:
        first = index * TILE_WIDTH
        table = "journal_node WHERE level = %s AND" if level else "journal_leaf WHERE %s = 0 AND"
        cursor = self.connection.cursor()
        cursor.execute(
            f"SELECT hash FROM {self.prefix}{table} epoch = %s AND idx BETWEEN %s AND %s ORDER BY idx",  # noqa: S608 names of ours
            [level, self.epoch, first, first + TILE_WIDTH - 1],
        )
        return b"".join(bytes(row[0]) for row in cursor.fetchall())


def connected() -> psycopg.Connection:
    """A connection as the sealer; its role may add seals and nothing else."""
    return psycopg.connect(
        settings.DATABASE_SEALER_URL, autocommit=True, connect_timeout=5, application_name="genba-sealer"
    )


def signing_key() -> SigningKey:
    return SigningKey.parse(settings.JOURNAL_ORIGIN, settings.JOURNAL_KEY)


def _alone(connection: psycopg.Connection) -> bool:
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    return bool(_one(connection, "SELECT pg_try_advisory_xact_lock(%s)", SEALER_LOCK))


def _head(connection: psycopg.Connection) -> _Head | None:
    row = connection.execute(
        "SELECT e.epoch, coalesce(c.size, 0), coalesce(c.horizon, e.first_xid)::text, e.entries_before,"
        " coalesce(c.note, ''), e.public_key, e.system_identifier"
        " FROM journal_epoch e LEFT JOIN journal_checkpoint c USING (epoch)"
        " ORDER BY e.epoch DESC, c.size DESC NULLS LAST LIMIT 1"
    ).fetchone()
    return _Head(*row) if row else None


def _check_place(connection: psycopg.Connection, head: _Head, key: SigningKey) -> None:
    if head.system_identifier != _one(connection, "SELECT system_identifier::text FROM pg_control_system()"):
        raise SealingRefused("This database was made in another cluster: it is a copy, or was restored into a new one.")
    if head.public_key != key.public.text:
        raise SealingRefused("The signing key is not the one this epoch began with.")


def _open_epoch(connection: psycopg.Connection, key: SigningKey, *, number: int, follows: str, reason: str) -> _Head:
    connection.execute(
        "INSERT INTO journal_epoch"
        " (epoch, system_identifier, origin, public_key, first_xid, entries_before, follows, reason)"
        " SELECT %(number)s, system_identifier::text, %(origin)s, %(key)s,"
        "  CASE WHEN %(number)s = 1 THEN '0'::xid8 ELSE pg_snapshot_xmax(pg_current_snapshot()) END,"
        "  CASE WHEN %(number)s = 1 THEN 0 ELSE (SELECT coalesce(max(id), 0) FROM journal_entry) END,"
        "  %(follows)s, %(reason)s FROM pg_control_system()",
        {"number": number, "origin": key.name, "key": key.public.text, "follows": follows, "reason": reason},
    )
    head = _head(connection)
    assert head is not None  # noqa: S101 just inserted
    return head


def _next_horizon(connection: psycopg.Connection, head: _Head) -> tuple[str, bool]:
    """Up to which transaction to seal now, and whether that is all there is."""
    row = connection.execute(
        f"SELECT ({COMPLETE})::text, (SELECT xid {ENTRIES} LIMIT 1)::text,"
        f" (SELECT xid {ENTRIES} OFFSET %(batch)s LIMIT 1)::text",
        {"before": head.entries_before, "from": head.horizon, "batch": BATCH},
    ).fetchone()
    assert row is not None  # noqa: S101 an aggregate of one row
    complete, first, beyond = (int(xid) if xid else None for xid in row)
    assert complete is not None  # noqa: S101 a snapshot has a maximum
    if beyond is None or beyond >= complete:
        return str(complete), True
    return str(beyond if first is None or beyond > first else first + 1), False  # a transaction is never cut in two


def _add_leaves(connection: psycopg.Connection, head: _Head, which: str, values: dict[str, Any]) -> list[bytes]:
    cursor = connection.execute(  # `which` is one of the two conditions above
        "INSERT INTO journal_leaf (epoch, idx, entry_id, tx_at, hash)"  # noqa: S608 conditions of ours
        " SELECT %(epoch)s, %(size)s + row_number() OVER (ORDER BY xid, id) - 1, id, tx_at, journal_leaf_hash(e)"
        f" FROM journal_entry e WHERE {which} RETURNING idx, hash",
        {"epoch": head.epoch, "size": head.size, **values},
    )
    return [bytes(found) for _idx, found in sorted(cursor.fetchall())]


def _signed(
    connection: psycopg.Connection, key: SigningKey, head: _Head, leaves: list[bytes], horizon: str, is_last: bool
) -> Sealed:
    tree = TileAppender.load(StoredTiles(connection, head.epoch), head.size)
    _add_nodes(connection, head.epoch, tree.extend(leaves))
    checkpoint, note = _sign(connection, key, head.epoch, tree, horizon)
    return Sealed(added=len(leaves), checkpoint=checkpoint, note=note, is_last=is_last)


def _add_nodes(connection: psycopg.Connection, epoch: int, tiles: list[Tile]) -> None:
    rows = [(epoch, tile.level + 1, tile.index, tile_root(tile.hashes)) for tile in tiles]
    if rows:
        connection.cursor().executemany(
            "INSERT INTO journal_node (epoch, level, idx, hash) VALUES (%s, %s, %s, %s)", rows
        )


def _sign(
    connection: psycopg.Connection, key: SigningKey, epoch: int, tree: TileAppender, horizon: str
) -> tuple[Checkpoint, str]:
    moment = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    extensions = (f"epoch {epoch}", f"time {moment}", f"horizon {horizon}")
    checkpoint = Checkpoint(key.name, tree.size, tree.root(), extensions)
    note = key.sign(checkpoint)
    connection.execute(
        "INSERT INTO journal_checkpoint (epoch, size, root, horizon, note) VALUES (%s, %s, %s, %s::xid8, %s)",
        [epoch, tree.size, checkpoint.root, horizon, note],
    )
    return checkpoint, note


def _one(connection: psycopg.Connection, query: str, *parameters: Any) -> Any:
    row = connection.execute(query, parameters or None).fetchone()
    return row[0] if row else None


def seal_all(connection: psycopg.Connection, key: SigningKey) -> Iterator[Sealed]:
    """Seal until nothing complete is left."""
    while sealed := seal(connection, key):
        yield sealed
        if sealed.is_last:
            return
