"""Are the triggers and functions that write and guard the journal those of this version, and switched on?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from psycopg.sql import SQL

from audit.verification import shipped
from audit.verification.report import DATABASE, Report
from audit.verification.session import Session

TRIGGERS = """
    SELECT c.relname, t.tgname, p.proname, n.nspname, t.tgtype::int, t.tgenabled::text, t.tgargs,
        coalesce(t.tgoldtable::text, ''), coalesce(t.tgnewtable::text, ''), t.tgattr::text <> '',
        CASE WHEN t.tgqual IS NULL THEN '' ELSE pg_get_triggerdef(t.oid) END
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = %s AND NOT t.tgisinternal
"""
FUNCTIONS = """
    SELECT p.proname, p.prosrc, p.prosecdef, coalesce(p.proconfig, '{}')
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = %s AND p.proname = ANY (%s)
"""
FOREIGN_KEYS_OFF = """
    SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled <> 'O' ORDER BY 1
"""
RULES = """
    SELECT c.relname, r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = ANY (%s) ORDER BY 1, 2
"""
KINDS = """
    SELECT c.relname, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = ANY (%s)
"""
EVENT_TRIGGERS = """
    SELECT e.evtname, e.evtevent, e.evtenabled::text, p.proname, n.nspname
    FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE e.evtname LIKE 'genba\\_%'
"""
ON_STRUCTURE = {  # name: event, switched on whatever a session sets, function
    "genba_command": ("ddl_command_end", "A", "on_command", "genba_guard"),
    "genba_drop": ("sql_drop", "A", "on_drop", "genba_guard"),
}
PARTITIONS = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = {}::regclass"
)
# Values of the settings a guarding function carries; `search_path` is checked apart, its schema has many names.
SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lock_timeout": "10s",
}


@dataclass(frozen=True)
class _Found:
    function: str
    schema: str
    bits: int
    enabled: str
    arguments: tuple[str, ...]
    tables: tuple[str, str]
    condition: str


def check_guards(session: Session, report: Report) -> None:
    _check_tables(session, report)
    _check_triggers(session, report)
    _check_functions(session, report)
    _check_structure(session, report)
    _check_retention(session, report)


def _check_tables(session: Session, report: Report) -> None:
    """Real tables, without rules that rewrite what is done to them, and with their links on."""
    names = [*shipped.journalled(), "journal_entry", *shipped.SEALS]
    kinds = dict(session.rows(KINDS, session.schema, names))
    for name in names:
        if kinds.get(name) != ("p" if name == "journal_entry" else "r"):
            _say(report, "no_table", "it is missing, or no table", name)
    for table, rule in session.rows(RULES, session.schema, names):
        _say(report, "rule", "a rule rewrites what is written here", table, rule)
    for (table,) in session.rows(FOREIGN_KEYS_OFF, session.schema):
        _say(report, "foreign_keys_off", "its foreign keys are not checked", table)


def _check_triggers(session: Session, report: Report) -> None:
    expected = [*shipped.triggers(), *_of_partitions(session), *_of_kept_months(session)]
    found = _triggers(session)
    for guard in expected:
        there = found.pop((guard.table, guard.name), None)
        if there is None:
            _say(report, "trigger_missing", "the trigger is missing", guard.table, guard.name)
        elif there.enabled != "A":
            _say(report, "trigger_off", "the trigger is not ENABLE ALWAYS", guard.table, guard.name)
        elif there != _Found(
            guard.function, session.schema, guard.bits, "A", guard.arguments, guard.tables, guard.condition
        ):
            _say(report, "trigger_altered", "the trigger is not the one of this version", guard.table, guard.name)
    journal = {guard.table for guard in expected if guard.table.startswith("journal_")}
    for table, name in sorted(found):
        if table in journal:
            _say(report, "trigger_unknown", "a trigger that is not of this version", table, name)


def _triggers(session: Session) -> dict[tuple[str, str], _Found]:
    found = {}
    for table, name, function, schema, bits, enabled, raw, old, new, of_columns, text in session.rows(
        TRIGGERS, session.schema
    ):
        arguments = tuple(bytes(raw).decode(errors="replace").split("\0")[:-1])
        condition = "of some columns" if of_columns else _condition(text)
        found[table, name] = _Found(function, schema, bits, enabled, arguments, (old, new), condition)
    return found


def _condition(definition: str) -> str:
    """What stands between WHEN and EXECUTE in the text of a trigger."""
    found = re.search(r" WHEN \((.*)\) EXECUTE FUNCTION ", definition, re.DOTALL)
    return shipped.plain_condition(found[1]) if found else definition


def _of_partitions(session: Session) -> Iterator[shipped.Trigger]:
    """Each month has the guards of the whole; statement triggers are not inherited."""
    of_whole = [guard for guard in shipped.triggers() if guard.table == "journal_entry"]
    for (partition,) in session.rows(SQL(PARTITIONS).format(session.literal("journal_entry"))):
        for guard in of_whole:
            yield shipped.Trigger(partition, guard.name, guard.function, guard.bits)


def _of_kept_months(session: Session) -> Iterator[shipped.Trigger]:
    """A month that was taken out of the journal is as append-only as it was; it gains no row either."""
    bits = shipped.ROW | shipped.BEFORE | shipped.INSERT | shipped.UPDATE | shipped.DELETE
    for table in session.months.kept:
        yield shipped.Trigger(table, "append_only", "journal_refuse", bits)
        yield shipped.Trigger(table, "journal_no_truncate", "journal_refuse", shipped.BEFORE | shipped.TRUNCATE)


def _check_functions(session: Session, report: Report) -> None:
    expected = shipped.functions()
    rows = session.rows(FUNCTIONS, session.schema, [function.name for function in expected])
    for function in expected:
        there = [row[1:] for row in rows if row[0] == function.name]
        if len(there) != 1:
            text = "there are several of this name" if there else "the function is missing"
            _say(report, "function_missing", text, "pg_proc", function.name)
            continue
        body, is_definer, config = there[0]
        if body != function.body or is_definer != function.is_definer or not _same_settings(function, config, session):
            _say(report, "function_altered", "the function is not the one of this version", "pg_proc", function.name)


def _check_structure(session: Session, report: Report) -> None:
    """Whether changes of the structure are noted. Installing that takes a superuser: a plant may have none."""
    found = {name: facts for name, *facts in session.rows(EVENT_TRIGGERS)}
    if not found:
        report.cannot(DATABASE, "changes of the structure are not noted: run deploy.roles as a superuser")
        return
    for name, wanted in ON_STRUCTURE.items():
        if found.get(name) != list(wanted):
            _say(
                report, "event_trigger", "it is missing, off, or not the one of this version", "pg_event_trigger", name
            )
    bodies = {name: (body, definer) for name, body, definer, _config in session.rows(
        FUNCTIONS, "genba_guard", [guard.name for guard in shipped.schema_guards()])}  # fmt: skip
    for guard in shipped.schema_guards():
        if bodies.get(guard.name) != (guard.body, guard.is_definer):
            _say(report, "function_altered", "the function is not the one of this version", "pg_proc", guard.name)


def _check_retention(session: Session, report: Report) -> None:
    """No table may be deletable that this version keeps, nor be kept shorter than it says."""
    query = SQL("SELECT table_name, rule FROM {}").format(session.table("retention_rule"))
    there, expected = dict(session.rows(query)), shipped.retention_rules()
    for table in sorted(there.keys() | expected.keys()):
        if there.get(table) != expected.get(table):
            text = f"its rule of retention is {there.get(table)}, this version says {expected.get(table)}"
            _say(report, "retention_rule", text, table)


def _same_settings(function: shipped.Function, config: list[str], session: Session) -> bool:
    there = dict(setting.split("=", 1) for setting in config)
    there = {name.lower(): value for name, value in there.items()}
    path = there.pop("search_path", None)
    if (path is not None) != ("search_path" in function.settings):
        return False
    if path is not None and [part.strip(' "') for part in path.split(",")] != [session.schema, "pg_temp"]:
        return False
    return there == {name: SETTINGS.get(name, "") for name in function.settings - {"search_path"}}


def _say(report: Report, code: str, message: str, table: str, field: str = "") -> None:
    report.add(DATABASE, code, message, table, "", field)
