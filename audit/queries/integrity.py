"""Whether a record is what the journal says, cheap enough for its page; and what the last verification found of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from psycopg.sql import SQL, Identifier, Literal

from audit.models import JournalMonth, VerificationRun
from audit.queries.verification import last_run
from audit.verification.replay import differing, live_row, parsed
from audit.verification.shipped import Journal, journalled

if TYPE_CHECKING:
    Field = models.Field[Any, Any]
else:
    Field = models.Field

# The entry that gained the row holds every column. Only what changed since is merged: merging into the whole row costs
# twice as much where thousands of counts changed a few columns.
_STATE_AND_ROW = """
    WITH entries AS MATERIALIZED (
        SELECT id, op, new FROM journal_entry
        WHERE table_name = {name} AND schema_name = current_schema() AND pk = {pk}
    ), gained AS (SELECT id, new FROM entries WHERE op = 'I' ORDER BY id DESC LIMIT 1)
    SELECT CASE WHEN (SELECT op FROM entries ORDER BY id DESC LIMIT 1) <> 'D' THEN (
            coalesce((SELECT new FROM gained), '{{}}') || (SELECT journal_merge(new ORDER BY id) FROM entries
                WHERE op = 'U' AND id > coalesce((SELECT id FROM gained), 0)))::text END,
        (SELECT {row}::text FROM {table} t WHERE t.{key} = {pk})
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """What the journal says and what is stored. Without a field it is the row itself, and one of the two is None."""

    field: Field | None
    logged: Any
    stored: Any


@dataclass(frozen=True, slots=True)
class Found:
    """What the last verification found about some records: findings as it kept them."""

    run: VerificationRun
    findings: list[dict[str, str]]


def differences(model: type[models.Model], key: Any) -> list[Difference]:
    """Where the stored row is not what the journal says.

    One query. A change that is being written by somebody else just now is in both or in neither.
    """
    state, row = _state_and_row(journalled()[model._meta.db_table], model._meta.pk.get_db_prep_value(key, connection))
    if row is None and state is None:
        return []
    if state is None and JournalMonth.objects.exists():
        return []  # what is known of it is in a month that was taken out of the journal
    if row is None or state is None:
        return [Difference(None, state, row)]
    fields: Mapping[str, Field] = {str(field.column): field for field in model._meta.concrete_fields}
    return [Difference(fields[name], state[name], row[name]) for name in differing(state, row) if name in fields]


def differs_from_journal(record: models.Model) -> list[Field]:
    """The fields of the stored row that are not what the journal says; all of them when it knows no such row."""
    found = differences(type(record), record.pk)
    if any(each.field is None for each in found):
        return list(record._meta.concrete_fields)
    return [each.field for each in found if each.field is not None]


def found_about(records: Collection[tuple[str, str]]) -> Found | None:
    """What the last verification found about these (table, key); None when that is nothing. One query."""
    run = last_run()
    if run is None or not run.findings_count:
        return None
    findings = [each for each in run.findings if (each["table"], each["key"]) in records]
    return Found(run, findings) if findings else None


def _state_and_row(journal: Journal, key: Any) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    query = SQL(_STATE_AND_ROW).format(
        name=Literal(journal.table),
        pk=Literal(str(key)),
        row=live_row(journal, SQL("t")),
        table=Identifier(journal.table),
        key=Identifier(journal.key),
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        state, row = cursor.fetchone()
    return parsed(state), parsed(row)
