"""The sealed side of many entries: what an export proves of them (docs/export-format.md)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from audit.canonical_entry import FIELDS
from audit.merkle import TiledTree
from audit.queries.proofs import TEXTS
from audit.sealing import StoredTiles

_EPOCHS = "SELECT epoch, count(*) FROM journal_leaf WHERE entry_id = ANY (%s) GROUP BY epoch ORDER BY epoch"
_LOG = """
    SELECT e.epoch, e.public_key, c.size, c.note FROM journal_epoch e JOIN journal_checkpoint c USING (epoch)
    WHERE e.epoch = coalesce(%s, e.epoch) ORDER BY e.epoch DESC, c.size DESC LIMIT 1
"""
_LEAVES = "SELECT idx, hash FROM journal_leaf WHERE epoch = %s AND entry_id = ANY (%s) ORDER BY idx"
_ENTRIES = f"""
    SELECT {", ".join(TEXTS.get(name, f"e.{name}::text") for name in FIELDS)}
    FROM journal_leaf l JOIN journal_entry e ON e.id = l.entry_id AND e.tx_at = l.tx_at
    WHERE l.epoch = %s AND l.entry_id = ANY (%s) ORDER BY l.idx
"""  # noqa: S608 names of ours
_FIRST_WITH = """
    SELECT size, note FROM journal_checkpoint WHERE epoch = %s AND size > %s ORDER BY size LIMIT 1
"""
_OF_SIZES = "SELECT size, note FROM journal_checkpoint WHERE epoch = %s AND size = ANY (%s) ORDER BY size"


@dataclass(frozen=True, slots=True)
class SealedLog:
    """The log of one epoch, as long as its last checkpoint says."""

    epoch: int
    public_key: str
    size: int
    note: str
    entries: int  # of those asked for

    @property
    def tree(self) -> TiledTree:
        return TiledTree(StoredTiles(connection, self.epoch), self.size)


def logs_of(entries: Collection[int]) -> list[SealedLog]:
    """The logs that hold these entries, oldest first; the present one when none of them is sealed, if there is one."""
    ids = list(entries)
    with connection.cursor() as cursor:
        cursor.execute(_EPOCHS, [ids])
        counts = dict(cursor.fetchall())
        logs = []
        for epoch in counts or [None]:
            cursor.execute(_LOG, [epoch])
            if row := cursor.fetchone():
                number, public_key, size, note = row
                logs.append(SealedLog(number, public_key, size, note, counts.get(number, 0)))
    return logs


def leaves_in(log: SealedLog, entries: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Index and leaf hash, ascending."""
    for index, found in _rows(_LEAVES, log, entries):
        yield index, bytes(found)


def entries_in(log: SealedLog, entries: Collection[int]) -> Iterator[dict[str, str | None]]:
    """The entries as they were sealed, in the order of their leaves."""
    for row in _rows(_ENTRIES, log, entries):
        yield dict(zip(FIELDS, row, strict=True))


def first_checkpoints_with(log: SealedLog, entries: Collection[int]) -> dict[int, str]:
    """Size -> note of the checkpoint that first held each of these entries: proof that it was there by then."""
    found: dict[int, str] = {}
    with connection.cursor() as cursor:
        for index, _leaf in list(leaves_in(log, entries)):
            cursor.execute(_FIRST_WITH, [log.epoch, index])
            size, note = cursor.fetchone()
            found[size] = note
    return found


def checkpoints_of(log: SealedLog, sizes: Sequence[int]) -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(_OF_SIZES, [log.epoch, list(sizes)])
        return dict(cursor.fetchall())


def _rows(query: str, log: SealedLog, entries: Collection[int]) -> Iterator[tuple[Any, ...]]:
    """Fetched as they are used; needs a transaction."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, [log.epoch, list(entries)])
        yield from cursor
