"""How long records are kept, what is past that, and which months of the journal are elsewhere."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from audit.models import LegalHold, RetentionPolicy
from audit.record_types import EVERY_OTHER, JOURNAL, type_label
from audit.verification.shipped import append_only, journalled, retention_rules

ANY_ORDER = SQL("")
COUNTED = 10_000  # of more it is said that there are more
_PAST = """
    SELECT t.{key} FROM {table} t WHERE {old} AND NOT EXISTS (
        SELECT FROM journal_entry e WHERE e.table_name = {name} AND e.pk = t.{key}::text AND e.tx_at >= {before})
    {more} LIMIT {limit}
"""
_AGES = """
    SELECT kind, retention_years(kind), now() - make_interval(years => retention_years(kind)), journal_begins()
    FROM unnest(%s::text[]) AS kind
"""
_CREATED = (
    "SELECT table_name FROM information_schema.columns WHERE column_name = 'created_at' AND table_name = ANY (%s)"
)


@dataclass(frozen=True, slots=True)
class Retention:
    """Of one record."""

    until: dt.datetime
    hold_since: dt.datetime | None


@dataclass(frozen=True, slots=True)
class TypeRetention:
    """Of all records of a type."""

    table: str
    label: str
    years: int
    basis: str  # "" where the policy of every other type applies
    past: int  # records whose years have passed, as far as COUNTED
    holds: int  # that keep all or some of them
    is_written_once: bool  # such rows are not deleted one by one

    @property
    def is_held(self) -> bool:
        return bool(self.holds)

    @property
    def past_shown(self) -> str:
        return f"> {COUNTED:,}" if self.past > COUNTED else str(self.past)


def retention_of(table: str, key: str) -> Retention | None:
    """None where rows may go at any time."""
    if retention_rules().get(table) == "free":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT retention_until(%s, %s), retention_hold(%s, %s)", [table, key, table, key])
        return Retention(*cursor.fetchone())


def kept_types() -> list[str]:
    """Tables whose years a policy may set: what is evidence about others is kept as long as the longest."""
    return sorted(table for table in journalled() if table not in retention_rules())


def policy_types() -> list[tuple[str, str]]:
    """What a policy may be about, with the words for it; the two that are no table first."""
    types = sorted(((table, type_label(table)) for table in kept_types()), key=lambda each: each[1])
    return [(EVERY_OTHER, type_label(EVERY_OTHER)), (JOURNAL, type_label(JOURNAL)), *types]


def overview() -> list[TypeRetention]:
    """Every type with its years and how many of its records are past them.

    Counting looks for each old row into the journal, and ends at COUNTED. A plant younger than its policies costs a
    single query.
    """
    tables = kept_types()
    with connection.cursor() as cursor:
        cursor.execute(_AGES, [tables])
        ages = cursor.fetchall()
        cursor.execute(_CREATED, [tables])
        dated = {name for (name,) in cursor.fetchall()}
        past = {}
        for table, _years, before, begins in ages:
            if begins < before:  # what the journal does not know counts from where it begins
                found = _past(table, before, is_dated=table in dated, limit=COUNTED + 1)
                cursor.execute(SQL("SELECT count(*) FROM ({found}) AS found").format(found=found))
                past[table] = cursor.fetchone()[0]
    policies = {policy.record_type: policy for policy in RetentionPolicy.objects.all()}
    holds = LegalHold.objects.filter(lifted_at=None).values_list("record_type", flat=True)
    rows = [
        TypeRetention(
            table=table,
            label=type_label(table),
            years=years,
            basis=policies[table].basis if table in policies else "",
            past=past.get(table, 0),
            holds=sum(held in ("", table) for held in holds),
            is_written_once=table in append_only(),
        )
        for table, years, _before, _begins in ages
    ]
    return sorted(rows, key=lambda row: row.label)


def past_keys(model: type[models.Model], before: dt.datetime, *, after: Any, limit: int) -> list[Any]:
    """Keys of records past their years that changed last before the moment, ascending from `after`."""
    table, key = model._meta.db_table, model._meta.pk
    with connection.cursor() as cursor:
        cursor.execute(_AGES, [[table]])
        ((_table, _years, years_ago, begins),) = cursor.fetchall()
        before = min(before, years_ago)
        if begins >= before:  # what the journal does not know counts from where it begins
            return []
        name = Identifier(str(key.column))
        more = SQL("ORDER BY t.{key}").format(key=name)
        if after is not None:
            more = SQL("AND t.{key} > {after} ORDER BY t.{key}").format(key=name, after=Literal(after))
        is_dated = any(field.column == "created_at" for field in model._meta.concrete_fields)
        cursor.execute(_past(table, before, is_dated=is_dated, limit=limit, more=more))
        return [found for (found,) in cursor.fetchall()]


def _past(table: str, before: dt.datetime, *, is_dated: bool, limit: int, more: Composable = ANY_ORDER) -> Composed:
    return SQL(_PAST).format(
        table=Identifier(table),
        key=Identifier(journalled()[table].key),
        name=Literal(table),
        before=Literal(before),
        more=more,
        limit=Literal(limit),
        old=SQL("t.created_at < {}").format(Literal(before)) if is_dated else SQL("true"),
    )
