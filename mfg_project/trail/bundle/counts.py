"""How much of everything is in a copy, counted in the database."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg.sql import SQL, Identifier

from mfg_project.trail.bundle.record import RecordCopy
from mfg_project.trail.names import table_label


@dataclass(frozen=True, slots=True)
class Counts:
    rows: dict[str, int]  # table -> rows that are there
    gone: dict[str, int]  # table -> rows that are gone
    signatures: int
    state_changes: int
    versions: int
    entries: int
    sealed: int

    @property
    def pending(self) -> int:
        return self.entries - self.sealed

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "gone": self.gone,
            "signatures": self.signatures,
            "state_changes": self.state_changes,
            "versions": self.versions,
            "entries": self.entries,
            "entries_sealed": self.sealed,
        }

    def for_manifest(self) -> dict[str, int]:
        """One level: whole numbers by name."""
        flat = {f"rows {table}": count for table, count in self.rows.items()}
        flat |= {f"gone {table}": count for table, count in self.gone.items()}
        return flat | {name: count for name, count in self.as_json().items() if isinstance(count, int)}

    def lines(self) -> list[tuple[str, int, int]]:
        """Type, rows that are there, rows that are gone."""
        return [(table_label(table), count, self.gone.get(table, 0)) for table, count in self.rows.items()]


def counts_of(copy: RecordCopy) -> Counts:
    parts = {part.model._meta.db_table: part for part in copy.parts}
    return Counts(
        rows={copy.table: int(not copy.is_gone)} | {t: len(part.keys) - part.gone for t, part in parts.items()},
        gone={copy.table: int(copy.is_gone)} | {table: part.gone for table, part in parts.items()},
        signatures=copy.signatures().count(),
        state_changes=copy.state_changes().count(),
        versions=sum(_versions(table, keys) for _model, table, keys in copy.versions()),
        entries=len(copy.entry_ids),
        sealed=_sealed(copy.entry_ids),
    )


def _versions(table: str, keys: list[str]) -> int:
    query = SQL("SELECT count(*) FROM {} h WHERE h.id = ANY (%s::uuid[])").format(Identifier(table))
    with connection.cursor() as cursor:
        cursor.execute(query, [keys])
        return int(cursor.fetchone()[0])


def _sealed(entries: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT entry_id) FROM journal_leaf WHERE entry_id = ANY (%s)", [entries])
        return int(cursor.fetchone()[0])
