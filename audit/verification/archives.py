"""Months of the journal that are not part of it any more: kept beside it, or only in archives.

What is kept beside it is read where it lies. Entries of archives are taken into a temporary table before the snapshot
is taken, so that every question is asked of one journal; what no file was given for is said, and not called intact.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import psycopg
from psycopg.sql import SQL, Composable, Identifier

from audit.archive_reading import entries_of, file_digest
from audit.canonical_entry import FIELDS
from audit.verification.settled import settle

LOADED = "genba_archived_entry"
AT_ONCE = 5_000


@dataclass(frozen=True)
class Archive:
    """A file as the database notes it."""

    month: dt.date
    epoch: int
    entries: int
    digest: str
    name: str
    sha256: str


@dataclass
class Months:
    """What is not in the journal itself."""

    kept: list[str] = field(default_factory=list)  # tables beside it
    loaded: list[Archive] = field(default_factory=list)
    missing: list[Archive] = field(default_factory=list)  # no file was given
    altered: list[tuple[Archive, str]] = field(default_factory=list)  # and why

    @property
    def absent(self) -> list[Archive]:
        """Those whose entries nobody can read here."""
        return [*self.missing, *(archive for archive, _why in self.altered)]

    def sources(self, schema: str) -> Composable:
        """What stands for the journal in a query, under the name `e`."""
        journal = Identifier(schema, "journal_entry")
        others: list[Composable] = [Identifier(schema, name) for name in self.kept]
        if self.loaded:
            others.append(Identifier("pg_temp", LOADED))
        if not others:
            return journal
        return SQL("({})").format(
            SQL(" UNION ALL ").join(SQL("SELECT * FROM {}").format(t) for t in [journal, *others])
        )


def months_elsewhere(connection: psycopg.Connection, schema: str, folders: Sequence[Path]) -> Months:
    """Finds them, and takes in the archives that lie in the folders. In transactions of its own."""
    settle(connection)
    found = Months(kept=[name for (name,) in connection.execute(_KEPT, [schema]).fetchall()])
    rows = connection.execute(SQL(_ONLY_IN_ARCHIVES).format(Identifier(schema, "audit_journalarchive")), [schema])
    archives = [Archive(*row) for row in rows.fetchall()]
    connection.commit()
    for month_and_epoch in _grouped(archives):
        _take(connection, schema, month_and_epoch, folders, found)
    return found


def _grouped(archives: list[Archive]) -> list[list[Archive]]:
    groups: dict[tuple[dt.date, int], list[Archive]] = {}
    for archive in archives:
        groups.setdefault((archive.month, archive.epoch), []).append(archive)
    return list(groups.values())


def _take(
    connection: psycopg.Connection, schema: str, notes: list[Archive], folders: Sequence[Path], found: Months
) -> None:
    """The newest file of these that is there and is the one that was written; all are of the same entries."""
    wrong: tuple[Archive, str] | None = None
    for note in notes:
        for path in (folder / note.name for folder in folders):
            if not path.is_file():
                continue
            try:
                if file_digest(path) == note.sha256:
                    _load(connection, schema, entries_of(path))
                    connection.commit()  # while it is open, the sealer waits
                    found.loaded.append(note)
                    return
                wrong = note, f"{path} is not the file that was written"
            except (OSError, ValueError, KeyError, BadZipFile, psycopg.Error) as error:
                connection.rollback()
                wrong = note, f"{path} cannot be read: {error}"
    if wrong:
        found.altered.append(wrong)
    else:
        found.missing.append(notes[0])


def _load(connection: psycopg.Connection, schema: str, entries: Iterable[dict[str, str | None]]) -> None:
    settle(connection)
    for statement in _TABLE:
        connection.execute(SQL(statement).format(table=Identifier(LOADED), like=Identifier(schema, "journal_entry")))
    columns = SQL(", ").join(map(Identifier, FIELDS))
    into = SQL("COPY {} ({}) FROM STDIN").format(Identifier("pg_temp", LOADED), columns)
    with connection.cursor().copy(into) as copy:
        for entry in entries:
            changed = entry["changed"] or ""
            names = "{" + ",".join(f'"{name}"' for name in changed.split(",") if changed) + "}"
            copy.write_row([names if name == "changed" else entry[name] for name in FIELDS])


_TABLE = (
    "CREATE TEMP TABLE IF NOT EXISTS {table} (LIKE {like})",
    "CREATE UNIQUE INDEX IF NOT EXISTS genba_archived_id ON pg_temp.{table} (id, tx_at)",
    "CREATE INDEX IF NOT EXISTS genba_archived_row ON pg_temp.{table} (table_name, pk)",
)
_KEPT = """
    SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname ~ '^journal_archived_y[0-9]{4}m[0-9]{2}$' ORDER BY 1
"""
# Months without a table here, neither in the journal nor beside it. The newest note of a month and epoch comes first.
_ONLY_IN_ARCHIVES = """
    SELECT month, epoch, entries, leaves_digest, name, sha256 FROM {} a WHERE entries > 0 AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relname IN (
            to_char(a.month, '"journal_entry_y"YYYY"m"MM'), to_char(a.month, '"journal_archived_y"YYYY"m"MM')))
    ORDER BY month, epoch, id DESC
"""
