"""How the guards have to be, from the files that install them: migrations and `<app>/sql/`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from audit.migration_ops import FLAGS, AppendOnly, Journalled, RetentionRule

SEALS = ("journal_epoch", "journal_leaf", "journal_node", "journal_checkpoint")
GUARD = "journal_refuse"
# Bits of pg_trigger.tgtype
ROW, BEFORE, INSERT, DELETE, UPDATE, TRUNCATE = 1, 2, 4, 8, 16, 32
_BITS = {"INSERT": INSERT, "DELETE": DELETE, "UPDATE": UPDATE, "TRUNCATE": TRUNCATE}
_TABLE = re.compile(r"^CREATE TABLE (\w+) \(", re.M)
_TRIGGER = re.compile(
    r"CREATE TRIGGER (\w+) (BEFORE|AFTER) ([\w ]+?) ON (\w+)\s+FOR EACH (ROW|STATEMENT) EXECUTE FUNCTION (\w+)\(\)"
)
_CONSTRAINT = re.compile(
    r"CREATE CONSTRAINT TRIGGER (\w+) AFTER ([\w ]+?) ON (\w+) DEFERRABLE INITIALLY DEFERRED\s+FOR EACH ROW"
    r"(?: WHEN \((.*)\))?\s+EXECUTE FUNCTION (\w+)\((?:'([\w.]*)')?\)"
)
_FUNCTION = re.compile(r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)\(([^;$]*?)\bAS \$\$(.*?)\$\$", re.S | re.M)
_GUARD = re.compile(r"^CREATE OR REPLACE FUNCTION genba_guard\.(\w+)\(([^;$]*?)\bAS \$\$(.*?)\$\$", re.S | re.M)
_DROPPED = re.compile(r"^DROP FUNCTION (\w+)\(", re.M)
_SETTING = re.compile(r"\bSET (\w+) (?:FROM|=)")


@dataclass(frozen=True)
class Journal:
    """How the trigger writes a table."""

    table: str
    key: str
    digested: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        return (self.key, f"{{{','.join(self.digested)}}}", f"{{{','.join(self.ignored)}}}", json.dumps(FLAGS))


@dataclass(frozen=True)
class Trigger:
    table: str
    name: str
    function: str
    bits: int
    arguments: tuple[str, ...] = ()
    tables: tuple[str, str] = ("", "")  # names of the old and the new rows
    condition: str = ""  # as `plain_condition` writes it


@dataclass(frozen=True)
class Function:
    name: str
    body: str
    is_definer: bool
    settings: frozenset[str]


@cache
def journalled() -> dict[str, Journal]:
    """Every regulated table, as the migrations of this version journal it."""
    installed = SimpleNamespace(apps=apps)
    return {
        table: Journal(table, key, operation.digested, operation.ignored)
        for operation in _operations()
        if isinstance(operation, Journalled) and _is_installed(operation.model)
        for table, key in operation.tables(installed)
    }


@cache
def retention_rules() -> dict[str, str]:
    """Tables that are kept otherwise than their record type's years say, and how."""
    installed = SimpleNamespace(apps=apps)
    return {
        operation.table(installed): operation.rule
        for operation in _operations()
        if isinstance(operation, RetentionRule) and _is_installed(operation.model)
    }


def _is_installed(model: str) -> bool:
    """A model that a later migration took away has neither table nor triggers."""
    try:
        return bool(apps.get_model(model))
    except LookupError:
        return False


@cache
def triggers() -> tuple[Trigger, ...]:
    """Every guard: journal triggers, append-only tables, seals."""
    found = {(guard.table, guard.name): guard for guard in (*_of_journal(), *_of_append_only(), *_of_files())}
    return tuple(found.values())


@cache
def functions() -> tuple[Function, ...]:
    """Functions with a text of their own; a later file replaces what an earlier one made.

    Those of one expression (`journal_leaf_hash`) have no text to compare. A false one seals false leaves, which the log
    shows.
    """
    found: dict[str, Function] = {}
    for text in _sql_files():
        for name in _DROPPED.findall(text):
            found.pop(name, None)
        for name, rest, body in _FUNCTION.findall(text):
            settings = frozenset(setting.lower() for setting in _SETTING.findall(rest))
            found[name] = Function(name, body, "SECURITY DEFINER" in rest, settings)
    return tuple(found.values())


def _operations() -> Iterator[object]:
    migrations = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    for name in sorted(migrations):
        yield from migrations[name].operations


def _of_journal() -> Iterator[Trigger]:
    for table, journal in journalled().items():
        write = ("journal_write",)
        for name, bits, rows in (
            ("insert", INSERT, ("", "new_rows")),
            ("update", UPDATE, ("old_rows", "new_rows")),
            ("delete", DELETE, ("old_rows", "")),
        ):
            yield Trigger(table, f"zz_journal_{name}", *write, bits, journal.arguments, rows)
        yield Trigger(table, "zz_journal_truncate", "journal_refuse", BEFORE | TRUNCATE)


@cache
def append_only() -> frozenset[str]:
    """Tables of models whose rows are written once and never deleted."""
    models = [operation.model for operation in _operations() if isinstance(operation, AppendOnly)]
    tables = {apps.get_model(model)._meta.db_table for model in models if _is_installed(model)}
    return frozenset(tables | {trigger.table for trigger in _of_files() if trigger.name.endswith("append_only")})


def _of_append_only() -> Iterator[Trigger]:
    models = [operation.model for operation in _operations() if isinstance(operation, AppendOnly)]
    models = [model for model in models if _is_installed(model)]
    for table in (*(apps.get_model(model)._meta.db_table for model in models), *SEALS):
        yield Trigger(table, "append_only", "journal_refuse", ROW | BEFORE | DELETE | UPDATE)
        yield Trigger(table, "append_only_truncate", "journal_refuse", BEFORE | TRUNCATE)


def _of_files() -> Iterator[Trigger]:
    tables = {model._meta.db_table for model in apps.get_models()}
    tables |= {table for text in _sql_files() for table in _TABLE.findall(text)}
    for text in _sql_files():
        for name, when, events, table, each, function in _TRIGGER.findall(text):
            if function == GUARD and table in tables:
                bits = sum(_BITS[event] for event in events.split(" OR "))
                bits |= BEFORE * (when == "BEFORE") | ROW * (each == "ROW")
                yield Trigger(table, name, function, bits)
        for name, events, table, condition, function, argument in _CONSTRAINT.findall(text):
            if table in tables:
                bits = ROW | sum(_BITS[event] for event in events.split(" OR "))
                arguments = (argument,) if argument else ()
                yield Trigger(table, name, function, bits, arguments, condition=plain_condition(condition))


def plain_condition(text: str) -> str:
    """A WHEN condition without what PostgreSQL adds when it shows one: casts, brackets, capitals."""
    return " ".join(re.sub(r"::\w+(?: varying)?|[()]", "", text.lower()).split())


@cache
def schema_guards() -> tuple[Function, ...]:
    """What notes changes of the structure; an administrator installs it, in a schema of its own."""
    text = (Path(apps.get_app_config("audit").path) / "sql" / "schema_guard.sql").read_text(encoding="utf-8")
    return tuple(
        Function(name, body, "SECURITY DEFINER" in rest, frozenset()) for name, rest, body in _GUARD.findall(text)
    )


@cache
def _sql_files() -> tuple[str, ...]:
    files: list[Path] = []
    for app in apps.get_app_configs():
        files += sorted(Path(app.path, "sql").glob("*.up.sql"))
    return tuple(file.read_text(encoding="utf-8") for file in files)
