"""Whether a record is what the journal says, cheap enough for its page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from psycopg.sql import SQL, Identifier, Literal

from audit.models import JournalMonth
from audit.verification.replay import differing, live_row, parsed, state_after
from audit.verification.shipped import Journal, journalled

if TYPE_CHECKING:
    Field = models.Field[Any, Any]
else:
    Field = models.Field

_ROWS = """
    SELECT is_row, id, op, old, new FROM (
        SELECT 0 AS is_row, id, op, old::text, new::text FROM journal_entry
        WHERE table_name = {name} AND schema_name = current_schema() AND pk = {pk}
        UNION ALL SELECT 1, 0, '', NULL, {row}::text FROM {table} t WHERE t.{key} = {pk}
    ) AS rows ORDER BY is_row, id
"""


def differs_from_journal(record: models.Model) -> list[Field]:
    """The fields of the stored row that are not what the journal says; all of them when it knows no such row.

    One query. A change that is being written by somebody else just now is in both or in neither.
    """
    table = record._meta.db_table
    state, row = _state_and_row(journalled()[table], record._meta.pk.get_db_prep_value(record.pk, connection))
    fields: Mapping[str, Field] = {str(field.column): field for field in record._meta.concrete_fields}
    if row is None and state is None:
        return []
    if state is None and JournalMonth.objects.exists():
        return []  # what is known of it is in a month that was taken out of the journal
    if row is None or state is None:
        return list(fields.values())
    return [fields[name] for name in differing(state, row) if name in fields]


def _state_and_row(journal: Journal, key: Any) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    query = SQL(_ROWS).format(
        name=Literal(journal.table),
        pk=Literal(str(key)),
        row=live_row(journal, SQL("t")),
        table=Identifier(journal.table),
        key=Identifier(journal.key),
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows = cursor.fetchall()
    state = state_after(tuple(row[1:]) for row in rows if not row[0])
    return state, next((parsed(row[4]) for row in rows if row[0]), None)
