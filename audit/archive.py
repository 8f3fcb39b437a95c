"""Months of the journal in files that prove themselves, in the form every export has (docs/export-format.md).

A file holds what one epoch sealed of a month; nearly every month has one. It is written, put on disk, read again by
the verifier as a program of its own, compared with the database leaf by leaf, and only then noted.
"""

import datetime as dt
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from psycopg.sql import SQL, Composed, Literal

from audit.archive_reading import ENTRIES, Chain, archive_folders, chain_of, file_digest, read_again, run_verifier
from audit.bundle import BundleWriter, consistency_line, inclusion_lines, lines
from audit.canonical_entry import FIELDS, entry_line, leaf_bytes
from audit.checkpoint import parse_text
from audit.context import require
from audit.errors import DomainError
from audit.journal import change
from audit.merkle import TiledTree, leaf_hash
from audit.models import ArchiveCheck, JournalArchive, JournalMonth, MonthStep, Verdict
from audit.sealing import StoredTiles
from audit.verification.log import TEXTS
from audit.verification.session import Session, opened

SETTLED = dt.timedelta(days=1)  # a transaction begun before the month's end may still write into it
AT_ONCE = 2_000


class ArchiveRefused(DomainError):
    """The month cannot be archived, or what was written is not what the database has. No archive was noted."""

    code = "archive_refused"


@dataclass(frozen=True)
class Part:
    """What one epoch sealed of a month, as the database has it."""

    month: dt.date
    epoch: int
    entries: int
    first: int
    last: int
    key: str
    size: int  # of the last checkpoint
    note: str
    witness_size: int  # of the first checkpoint that covers all of it
    witness: str

    @property
    def name(self) -> str:
        return f"journal-{self.month:%Y-%m}-epoch-{self.epoch}.zip"


def months_before(end: dt.date) -> list[dt.date]:
    """Months still part of the journal that are over and before `end`, the oldest first."""
    with opened() as session:
        return [month for month in attached_months(session) if month < end and _is_over(month)]


def attached_months(session: Session) -> list[dt.date]:
    query = SQL(
        "SELECT to_date(substring(c.relname FROM 'y(\\d{{4}}m\\d{{2}})$'), 'YYYY\"m\"MM') FROM pg_inherits i"
        " JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = {}::regclass ORDER BY 1"
    ).format(session.literal("journal_entry"))
    return [month for (month,) in session.rows(query)]


def archive_month(month: dt.date, *, to: Path, reason: str = "") -> list[JournalArchive]:
    """Write what is missing of a month's archives into the folder, verify it and note it. Returns them all.

    Raises ArchiveRefused; needs the permission to add archives.
    """
    actor = require("audit.add_journalarchive")
    if not _is_over(month):
        raise ArchiveRefused(_("%(month)s is not over yet.") % {"month": f"{month:%Y-%m}"})
    done = []
    for part in parts_of(month):
        path = to / part.name
        if not path.exists():
            _write(part, path)
        digest = _leaves_digest(part)
        _compare(path, part, digest)
        known = JournalArchive.objects.filter(
            month=month, epoch=part.epoch, leaves_digest=digest, sha256=file_digest(path)
        ).first()
        done.append(known or _noted(part, path, digest, actor, reason))
    return done


def parts_of(month: dt.date) -> list[Part]:
    """By epoch. Refuses a month of which something is not sealed."""
    with opened() as session:
        found = session.rows(_query(_PARTS, session, month))
        sealed, there = sum(row[1] for row in found), session.one(_query(_THERE, session, month))
        if sealed != there:
            text = _("%(count)s entries of %(month)s are not sealed, or twice.")
            raise ArchiveRefused(text % {"count": abs(there - sealed), "month": f"{month:%Y-%m}"})
        return [Part(month, *row) for row in found]


def verify_archives(folders: Sequence[Path] = (), *, months: Collection[dt.date] | None = None) -> list[ArchiveCheck]:
    """Read the newest archive of each month and epoch again, all or those of some months, and keep what was found."""
    keys, places = keys_by_epoch(), [*archive_folders(), *folders]
    checks = []
    for archive in JournalArchive.objects.order_by("month", "epoch", "-id").distinct("month", "epoch"):
        if months is None or archive.month in months:
            found = read_again(archive, places, key=keys.get(archive.epoch, ""))
            with change("check_archive"):
                checks.append(ArchiveCheck.objects.create(archive=archive, verdict=found.verdict, detail=found.detail))
    return checks


def kept_months() -> list[dt.date]:
    """Months that were taken out of the journal and not dropped, the oldest first."""
    dropped = JournalMonth.objects.filter(step=MonthStep.DROPPED).values("month")
    kept = JournalMonth.objects.filter(step=MonthStep.DETACHED).exclude(month__in=dropped)
    return list(kept.order_by("month").values_list("month", flat=True))


def keys_by_epoch() -> dict[int, str]:
    with opened() as session:
        return dict(session.rows(SQL("SELECT epoch, public_key FROM {}").format(session.table("journal_epoch"))))


def _is_over(month: dt.date) -> bool:
    end = (month.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    return dt.datetime.now(dt.UTC) - SETTLED >= dt.datetime.combine(end, dt.time(), dt.UTC)


def _write(part: Part, path: Path) -> None:
    """Under another name first: what is found under its own is whole and on disk."""
    unfinished = path.with_suffix(".part")
    with opened() as session, unfinished.open("wb") as file:
        with BundleWriter(file) as bundle:
            for name, chunks in _files(session, part):
                bundle.add(name, chunks)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _files(session: Session, part: Part) -> Iterator[tuple[str, Iterable[bytes]]]:
    tree = TiledTree(StoredTiles(session.connection, part.epoch, session.schema), part.size)
    yield "archive.txt", [_about(part).encode()]
    yield "public_key.txt", [f"{part.key}\n".encode()]
    yield "checkpoint.txt", [part.note.encode()]
    grown = []
    if part.witness_size < part.size:
        yield f"witness/{part.witness_size}.txt", [part.witness.encode()]
        grown = [consistency_line(tree, part.witness_size, part.size)]
    yield ENTRIES, lines(_entry_lines(session, part))
    leaves = ((index, bytes(leaf)) for index, leaf in _streamed(session, _LEAVES, part))
    yield "proofs.ndjson", lines(_chained(grown, inclusion_lines(tree, leaves)))


def _chained(first: Iterable[str], rest: Iterable[str]) -> Iterator[str]:
    yield from first
    yield from rest


def _entry_lines(session: Session, part: Part) -> Iterator[str]:
    """Each entry, if it is still what was sealed."""
    for index, leaf, *texts in _streamed(session, _WITH_TEXTS, part):
        entry = dict(zip(FIELDS, texts, strict=True))
        if leaf_hash(leaf_bytes(entry)) != bytes(leaf):
            text = _("Entry %(id)s (leaf %(leaf)s) is not what was sealed. Nothing was archived; verify the journal.")
            raise ArchiveRefused(text % {"id": entry["id"], "leaf": index})
        yield entry_line(entry)


def _leaves_digest(part: Part) -> str:
    chain = Chain()
    with opened() as session:
        for _index, leaf in _streamed(session, _LEAVES, part):
            chain.add(bytes(leaf))
    return chain.told[1]


def _compare(path: Path, part: Part, digest: str) -> None:
    code, told = run_verifier(path, part.key)
    if code:
        raise ArchiveRefused(_("%(file)s does not verify: %(why)s") % {"file": path, "why": told})
    if chain_of(path) != (part.entries, digest):
        raise ArchiveRefused(_("%(file)s holds other entries than the database.") % {"file": path})


def _noted(part: Part, path: Path, digest: str, actor: Any, reason: str) -> JournalArchive:
    with change("archive_month", reason):
        archive = JournalArchive.objects.create(
            month=part.month,
            epoch=part.epoch,
            entries=part.entries,
            first_leaf=part.first,
            last_leaf=part.last,
            leaves_digest=digest,
            name=path.name,
            place=str(path.parent.resolve()),
            sha256=file_digest(path),
            checkpoint_size=part.size,
            checkpoint=part.note,
            archived_by=actor,
        )
        ArchiveCheck.objects.create(archive=archive, verdict=Verdict.INTACT, detail=_("when it was written"))
    return archive


def _about(part: Part) -> str:
    return (
        f"Archive of the journal {parse_text(part.note.partition(chr(10) * 2)[0] + chr(10)).origin}\n"
        f"month {part.month:%Y-%m} (UTC, by the beginning of the transaction)\n"
        f"epoch {part.epoch}, leaves {part.first} to {part.last}, {part.entries} entries\n"
        "python3 genba_verify.py checks it. Keep it as long as the records it is about.\n"
    )


def _streamed(session: Session, query: str, part: Part) -> Iterator[tuple[Any, ...]]:
    """Row by row: a month may have a million entries."""
    which = {"epoch": Literal(part.epoch), "first": Literal(part.first), "last": Literal(part.last)}
    with session.one_by_one(), session.connection.cursor(name=f"leaves_{len(query)}") as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(_query(query, session, part.month, **which))
        yield from cursor


def _query(text: str, session: Session, month: dt.date, **more: Literal) -> Composed:
    end = (month + dt.timedelta(days=32)).replace(day=1)
    return SQL(text).format(
        entry=session.table("journal_entry"), leaf=session.table("journal_leaf"), epochs=session.table("journal_epoch"),
        checkpoint=session.table("journal_checkpoint"), texts=SQL(TEXTS),
        since=Literal(f"{month} 00:00:00+00"), until=Literal(f"{end} 00:00:00+00"), **more,
    )  # fmt: skip


_PARTS = """
    SELECT m.epoch, m.entries, m.first, m.last, k.public_key, newest.size, newest.note, covers.size, covers.note
    FROM (SELECT l.epoch, count(*) AS entries, min(l.idx) AS first, max(l.idx) AS last
        FROM {entry} e JOIN {leaf} l ON l.entry_id = e.id AND l.tx_at = e.tx_at
        WHERE e.tx_at >= {since} AND e.tx_at < {until} GROUP BY 1) AS m
    JOIN {epochs} k ON k.epoch = m.epoch
    CROSS JOIN LATERAL (SELECT size, note FROM {checkpoint} c WHERE c.epoch = m.epoch
        ORDER BY size DESC LIMIT 1) AS newest
    CROSS JOIN LATERAL (SELECT size, note FROM {checkpoint} c WHERE c.epoch = m.epoch AND size > m.last
        ORDER BY size LIMIT 1) AS covers
    ORDER BY 1
"""
_THERE = "SELECT count(*) FROM {entry} e WHERE e.tx_at >= {since} AND e.tx_at < {until}"
_LEAVES = """
    SELECT l.idx, l.hash FROM {leaf} l
    WHERE l.epoch = {epoch} AND l.idx BETWEEN {first} AND {last} AND l.tx_at >= {since} AND l.tx_at < {until}
    ORDER BY l.epoch, l.idx
"""
_WITH_TEXTS = """
    SELECT l.idx, l.hash, {texts} FROM {leaf} l JOIN {entry} e ON e.id = l.entry_id AND e.tx_at = l.tx_at
    WHERE l.epoch = {epoch} AND l.idx BETWEEN {first} AND {last} AND l.tx_at >= {since} AND l.tx_at < {until}
      AND e.tx_at >= {since} AND e.tx_at < {until}
    ORDER BY l.epoch, l.idx
"""
