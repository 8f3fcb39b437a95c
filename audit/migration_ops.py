"""What migrations need beyond Django: SQL files that name the plant's roles, the journal, append-only tables."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.apps import apps as installed
from django.core.exceptions import ImproperlyConfigured
from django.db import migrations
from django.db.migrations.operations.base import Operation

ROLES = ("owner", "app", "journal", "sealer", "auditor")
FLAGS = ("21 CFR Part 11", "ISO 9001")


def run_sql_file(migration_file: str, name: str) -> migrations.RunSQL:
    """Run `<app>/sql/<name>.up.sql`, and `.down.sql` on the way back.

    A released file is never edited: a new number replaces what it made.
    """
    folder = Path(migration_file).resolve().parent.parent / "sql"
    return migrations.RunSQL(
        sql=(folder / f"{name}.up.sql").read_text(encoding="utf-8"),
        reverse_sql=(folder / f"{name}.down.sql").read_text(encoding="utf-8"),
    )


class _Statements(Operation):
    """SQL in which `{app}`, `{journal}` … stand for the roles of this plant."""

    reduces_to_sql = True
    reversible = True

    def up(self, schema_editor: Any, state: Any) -> str:
        raise NotImplementedError

    def down(self, schema_editor: Any, state: Any) -> str:
        raise NotImplementedError

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models stay as they are."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(with_roles(schema_editor.connection, self.up(schema_editor, to_state)), params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(with_roles(schema_editor.connection, self.down(schema_editor, from_state)), params=None)


class SqlFile(_Statements):
    def __init__(self, app_label: str, name: str) -> None:
        self.app_label, self.name = app_label, name

    def _text(self, direction: str) -> str:
        folder = Path(installed.get_app_config(self.app_label).path) / "sql"
        return (folder / f"{self.name}.{direction}.sql").read_text(encoding="utf-8")

    def up(self, schema_editor: Any, state: Any) -> str:
        return self._text("up")

    def down(self, schema_editor: Any, state: Any) -> str:
        return self._text("down")

    def describe(self) -> str:
        return f"Run {self.app_label}/sql/{self.name}.up.sql"


class Journalled(_Statements):
    """From now on each row of the model's table, and of its many-to-many tables, is in the journal.

    `digested` columns (secrets, large values) are shown as SHA-256 and length; `ignored` ones are no news.
    """

    def __init__(self, model: str, *, digested: Collection[str] = (), ignored: Collection[str] = ()) -> None:
        self.model, self.digested, self.ignored = model, tuple(digested), tuple(ignored)

    def tables(self, state: Any) -> list[tuple[str, str]]:
        """(table, column of the primary key) of the model and of the tables that only link it."""
        model = state.apps.get_model(self.model)
        linked = [field.remote_field.through for field in model._meta.local_many_to_many]
        own = [through for through in linked if through._meta.auto_created]
        return [(each._meta.db_table, each._meta.pk.column) for each in (model, *own)]

    def up(self, schema_editor: Any, state: Any) -> str:
        return "\n".join(self._triggers(schema_editor, *table) for table in self.tables(state))

    def _triggers(self, schema_editor: Any, table: str, key: str) -> str:
        quoted = schema_editor.quote_name(table)
        arguments = ", ".join(
            f"'{text}'" for text in (key, _array(self.digested), _array(self.ignored), json.dumps(FLAGS))
        )
        lines = []
        for operation, rows in (
            ("INSERT", "NEW TABLE AS new_rows"),
            ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
            ("DELETE", "OLD TABLE AS old_rows"),
        ):
            name = f"zz_journal_{operation.lower()}"
            lines.append(
                f"CREATE TRIGGER {name} AFTER {operation} ON {quoted} REFERENCING {rows} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION journal_write({arguments});"
            )
            lines.append(f"ALTER TABLE {quoted} ENABLE ALWAYS TRIGGER {name};")
        lines.append(
            f"CREATE TRIGGER zz_journal_truncate BEFORE TRUNCATE ON {quoted} "
            "FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();"
        )
        lines.append(f"ALTER TABLE {quoted} ENABLE ALWAYS TRIGGER zz_journal_truncate;")
        return "\n".join(lines)

    def down(self, schema_editor: Any, state: Any) -> str:
        return "\n".join(
            f"DROP TRIGGER zz_journal_{operation} ON {schema_editor.quote_name(table)};"
            for table, _key in self.tables(state)
            for operation in ("insert", "update", "delete", "truncate")
        )

    def describe(self) -> str:
        return f"Journal {self.model}"


class JournalledAnew(Journalled):
    """The journal's triggers of a model made again: a new column is a secret, or no news. `before` is how they were."""

    def __init__(self, model: str, *, before: Journalled, **arguments: Collection[str]) -> None:
        super().__init__(model, **arguments)
        self.before = before

    def up(self, schema_editor: Any, state: Any) -> str:
        return self.before.down(schema_editor, state) + super().up(schema_editor, state)

    def down(self, schema_editor: Any, state: Any) -> str:
        return super().down(schema_editor, state) + self.before.up(schema_editor, state)

    def describe(self) -> str:
        return f"Journal {self.model} with other arguments"


class AppendOnly(_Statements):
    """Rows of the model's table are written once: the database refuses to change or delete them."""

    def __init__(self, model: str) -> None:
        self.model = model

    def _table(self, schema_editor: Any, state: Any) -> str:
        return schema_editor.quote_name(state.apps.get_model(self.model)._meta.db_table)

    def up(self, schema_editor: Any, state: Any) -> str:
        table = self._table(schema_editor, state)
        return (
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION journal_refuse();\n"
            f"CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();\n"
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only;\n"
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_truncate;\n"
            f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {{app}};"
        )

    def down(self, schema_editor: Any, state: Any) -> str:
        table = self._table(schema_editor, state)
        return (
            f"DROP TRIGGER append_only ON {table};\nDROP TRIGGER append_only_truncate ON {table};\n"
            f"GRANT UPDATE, DELETE ON {table} TO {{app}};"
        )

    def describe(self) -> str:
        return f"Make {self.model} append-only"


FREE, LONGEST = "free", "longest"


class RetentionRule(_Statements):
    """A table that is not kept for the years of its record type.

    `FREE`: its rows may be deleted at any time, as each is a value of a record and its change is in the journal.
    `LONGEST`: evidence about records, kept as long as the longest kept of them. The reason stands in the database.
    """

    def __init__(self, model: str, rule: str, reason: str) -> None:
        self.model, self.rule, self.reason = model, rule, reason

    def table(self, state: Any) -> str:
        return str(state.apps.get_model(self.model)._meta.db_table)

    def up(self, schema_editor: Any, state: Any) -> str:
        values = ", ".join(map(_literal, (self.table(state), self.rule, self.reason)))
        return f"SET LOCAL ROLE {{journal}};\nINSERT INTO retention_rule VALUES ({values});\nRESET ROLE;"

    def down(self, schema_editor: Any, state: Any) -> str:
        table = _literal(self.table(state))
        return f"SET LOCAL ROLE {{journal}};\nDELETE FROM retention_rule WHERE table_name = {table};\nRESET ROLE;"

    def describe(self) -> str:
        return f"Retention of {self.model}: {self.rule}"


def with_roles(connection: Any, text: str) -> str:
    """Put the names of this plant's roles into SQL; they begin as the name of the role that migrates does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        plant, owner, rest = cursor.fetchone()[0].rpartition("_owner")
    if not owner or rest:
        raise ImproperlyConfigured(
            "Migrations run as the owner role of the plant: set DATABASE_OWNER_URL (docs/administrator.md)."
        )
    for role in ROLES:
        text = text.replace(f"{{{role}}}", connection.ops.quote_name(f"{plant}_{role}"))
    return text


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _array(names: Collection[str]) -> str:
    return "{" + ",".join(names) + "}"
