"""Does the database equal the log? Each row is made anew from its entries and compared with the one that is there."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from psycopg.sql import SQL, Composable, Identifier, Literal

from audit.verification.report import DATABASE, Report
from audit.verification.session import Session
from audit.verification.shipped import Journal

State = dict[str, Any] | None
Entry = tuple[int, str, State, State]  # id, operation, old and new values
MISSING: Any = object()


def parsed(text: str | None) -> Any:
    """jsonb as values; numbers keep their digits, and 1.0 equals 1.00."""
    return None if text is None else json.loads(text, parse_float=Decimal)


def live_row(journal: Journal, row: Composable) -> Composable:
    """The row `row` as the journal tells rows, from built-in functions only (`journal_write`, `journal_digested`)."""
    shown: Composable = SQL("(pg_catalog.to_jsonb({}.*) OPERATOR(pg_catalog.-) {}::text[])").format(
        row, Literal(list(journal.ignored))
    )
    if not journal.digested:
        return shown
    return SQL(
        "({shown} OPERATOR(pg_catalog.||) coalesce((SELECT pg_catalog.jsonb_object_agg(d.key,"
        " pg_catalog.jsonb_build_object('sha256', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to("
        "d.value #>> '{{}}', 'UTF8')), 'hex'), 'length', pg_catalog.length(d.value #>> '{{}}')))"
        " FROM pg_catalog.jsonb_each({shown}) d WHERE d.key = ANY ({digested}) AND d.value <> 'null'), '{{}}'))"
    ).format(shown=shown, digested=Literal(list(journal.digested)))


def replayed(entries: Iterable[Entry]) -> Iterator[tuple[State, Entry, list[str]]]:
    """The state after each entry, and the fields whose value before it was not the one the log knew."""
    state: State = None
    for entry in entries:
        _id, operation, old, new = entry
        if operation == "I":
            odd = ["(row)"] if state is not None else []
            state = dict(new or {})
        else:
            odd = ["(row)"] if state is None else differing(old or {}, state)
            state = None if operation == "D" else (state or {}) | (new or {})
        yield state, entry, odd


def state_after(entries: Iterable[tuple[int, str, str | None, str | None]]) -> State:
    """What the log says a row is, from its entries as they are read."""
    state: State = None
    for after, _entry, _odd in replayed((number, op, parsed(old), parsed(new)) for number, op, old, new in entries):
        state = after
    return state


def differing(known: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """Fields of which both know a value, and not the same. A column made or dropped since has nothing to compare."""
    return sorted(name for name, value in known.items() if name in there and there[name] != value)


def check_table(session: Session, journal: Journal, report: Report) -> None:
    unknown: Counter[str] = Counter()
    done, elsewhere, is_whole = 0, 0, not session.months.absent
    for key, found in groupby(session.copied(_rows_of(session, journal)), key=itemgetter(0)):
        rows = list(found)
        done += len(rows)
        if not is_whole and _begins_elsewhere(rows):
            elsewhere += 1
            _check_row(journal.table, key, _with_its_beginning(rows), report, Counter())
        else:
            _check_row(journal.table, key, rows, report, unknown)
        if done % 5_000 < len(rows):
            report.progress(journal.table, done, 0)
    if elsewhere:
        report.cannot(DATABASE, f"{elsewhere} rows of {journal.table} begin in archives that were not given")
    for column, count in sorted(unknown.items()):
        report.remarks.append(
            f"{journal.table}.{column}: {count} rows have it from a migration; the log knows no value to compare."
        )


def check_key(session: Session, journal: Journal, key: str, report: Report, question: str) -> None:
    """The same for one row."""
    rows = list(session.copied(_rows_of(session, journal, key)))
    if session.months.absent and _begins_elsewhere(rows):
        report.cannot(question, f"{journal.table} {key} begins in an archive that was not given")
        rows = _with_its_beginning(rows)
    _check_row(journal.table, key, rows, report, Counter(), question)


def _begins_elsewhere(rows: list[tuple[Any, ...]]) -> bool:
    return rows[:1] != [] and rows[0][3] != "I"


def _with_its_beginning(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """As if the row had been made with what the first that is left knows of it: the rest is compared as ever."""
    key, is_row, number, _operation, old, new = rows[0]
    return [(key, "0", number, "I", None, new if is_row == "1" else old), *rows]


def _rows_of(session: Session, journal: Journal, key: str | None = None) -> Composable:
    """Entries of the table and its rows, those of one key together: entries in their order, then the row."""
    one_entry = SQL("") if key is None else SQL(" AND pk = {}").format(Literal(key))
    one_row = SQL("") if key is None else SQL(" WHERE t.{}::text = {}").format(Identifier(journal.key), Literal(key))
    return SQL(
        'SELECT key, is_row, id, op, old, new FROM (SELECT pk COLLATE "C" AS key, 0 AS is_row, id, op, old::text,'
        " new::text FROM {entry} e WHERE table_name = {name} AND schema_name = {schema}{one_entry}"
        " UNION ALL SELECT t.{key}::text COLLATE \"C\", 1, 0, '', NULL, {row}::text FROM {table} t{one_row}) AS rows"
        " ORDER BY key, is_row, id"
    ).format(
        entry=session.journal,
        name=Literal(journal.table),
        schema=Literal(session.schema),
        key=Identifier(journal.key),
        row=live_row(journal, SQL("t")),
        table=session.table(journal.table),
        one_entry=one_entry,
        one_row=one_row,
    )


def _check_row(
    table: str, key: str, rows: list[tuple[Any, ...]], report: Report, unknown: Counter[str],
    question: str = DATABASE,
) -> None:  # fmt: skip
    if len(rows) == 2 and rows[0][3] == "I" and rows[1][1] == "1" and rows[0][5] == rows[1][5]:
        return  # written once and as it was: most rows
    entries = [(int(row[2]), row[3], parsed(row[4]), parsed(row[5])) for row in rows if row[1] == "0"]
    live = [parsed(row[5]) for row in rows if row[1] == "1"]
    state: State = None
    for after, entry, odd in replayed(entries):
        state = after
        for field in odd:
            report.add(
                question, "unlogged_change", f"was changed past the log before entry {entry[0]}", table, key, field
            )
    if state is None:
        if live:
            report.add(question, "row_extra", "the row is there, and not in the log", table, key)
    elif not live:
        report.add(question, "row_missing", "the row is in the log, and no longer there", table, key)
    else:
        for field in differing(state, live[0]):
            text = f"is {_short(live[0][field])}, the log says {_short(state[field])}"
            report.add(question, "field_differs", text, table, key, field)
        unknown.update(live[0].keys() - state.keys())


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:79] + "…"
