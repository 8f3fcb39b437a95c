"""Reading the journal in tests, and a plant with a row in every table it covers."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from psycopg.sql import SQL, Identifier

from audit.context import act_as
from audit.exempt import EXEMPT
from audit.journal import change
from mfg_project.common import plant as known_plant
from tests import factories
from tests.admin.world import World, world
from tests.database import PLANT, database

REASON = "Werkzeugwechsel"
# Written once by services; the database refuses to change or delete them, so they only ever gain rows.
EVIDENCE = {
    "accounts.Acknowledgement",
    "accounts.SigningStatement",
    "audit.ArchiveCheck",
    "audit.JournalArchive",
    "audit.JournalMonth",
    "audit.Signature",
    "audit.SecurityEvent",
    "audit.StateChange",
    "audit.Timestamp",
    "audit.TrailReview",
    "audit.VerificationRun",
    "telemetry.ReadingArchive",
    "production.QuantityReport",
    "production.OperationRun",
    "quality.QualityCheck",
    "quality.Measurement",
}
DIGESTED = {
    "accounts.User": ["password", "previous_passwords", "signing_pin", "previous_pins", "totp_key"],
    "accounts.TemporaryCode": ["code"],
    "audit.Timestamp": ["token"],
    "telemetry.DeviceKey": ["sha256"],
}
IGNORED = {
    "accounts.User": ["last_login", "totp_step"],
    "audit.Outbox": ["attempts", "next_try", "last_error"],
    "audit.SigningWindow": ["last_used_at"],
    "django_celery_beat.PeriodicTask": ["last_run_at", "total_run_count", "date_changed"],
}
GUARDS = ("journal_write", "journal_refuse")
# For sessions that are not Django's: what they say, and how.
SAY = "SELECT set_config('genba.act', %s, true)"
ACT = json.dumps(
    {
        "actor": None,
        "type": "user",
        "name": "Somebody",
        "code": "update_record",
        "reason": REASON,
        "request": "01900000-0000-7000-8000-000000000001",
        "source": "psql",
        "version": "0",
        "db_user": "postgres",  # not asked for: the database knows who signed in
    }
)


def label(model: type[models.Model]) -> str:
    return model._meta.label


def historical() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if hasattr(model, "history_type")]


def regulated() -> list[type[models.Model]]:
    """Every model that has to be in the journal, tables of many-to-many links included."""
    past = set(historical())
    every = apps.get_models(include_auto_created=True)
    return [model for model in every if model not in past and label(model) not in EXEMPT and model._meta.managed]


def changeable() -> list[type[models.Model]]:
    return [model for model in regulated() if label(model) not in EVIDENCE]


def full_plant() -> World:
    """At least one row in each regulated table. Needs an open act."""
    with change("arrange_test"):
        made = world()
        person = factories.user("operator", password="operator-password")
        person.user_permissions.add(person.groups.get().permissions.first())
    return made


def last_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM journal_entry")
        return cursor.fetchone()[0]


def entries(after: int = 0, *, table: str = "") -> list[dict[str, Any]]:
    """What was journalled of rows since `last_id()` was `after`, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(e) FROM journal_entry e"
            " WHERE id > %s AND op <> 'S' AND %s IN ('', table_name) ORDER BY id",
            [after, table],
        )
        return [_parsed(row) for (row,) in cursor.fetchall()]


def row_of(model: type[models.Model], pk: Any) -> dict[str, Any] | None:
    """The row as it is in the table, as jsonb (the session's zone is UTC)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT to_jsonb(t) FROM {model._meta.db_table} t WHERE {model._meta.pk.column}::text = %s", [str(pk)]
        )
        found = cursor.fetchone()
        return _parsed(found[0]) if found else None


def _parsed(text: str) -> dict[str, Any]:
    """Numbers with a point stay text, digit for digit."""
    return json.loads(text, parse_float=str)


def shown(model: type[models.Model], row: dict[str, Any]) -> dict[str, Any]:
    """The row as the journal may tell it: without what is no news, secrets as digest and length."""
    row = {column: value for column, value in row.items() if column not in IGNORED.get(label(model), [])}
    for column in DIGESTED.get(label(model), []):
        if row.get(column) is not None:
            text = row[column].encode()
            row[column] = {"sha256": hashlib.sha256(text).hexdigest(), "length": len(text)}
    return row


@contextmanager
def plant_on_disk() -> Iterator[None]:
    """A full plant that is committed, for connections of other roles to attack; none of them commits."""
    known_plant.forget()
    with act_as(factories.superuser(password="not-used-here"), source="test"):
        full_plant()
    yield
    database.restore()
    known_plant.forget()


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Every row may be deleted: for tests about what the journal says of it. Committed, and taken back."""
    with database.psycopg("owner") as owner:
        owner.execute(SQL("SET ROLE {}").format(Identifier(f"{PLANT}_journal")))
        before = owner.execute("SELECT table_name, rule, reason FROM retention_rule").fetchall()
        owner.execute("DELETE FROM retention_rule")
        tables = [(model._meta.db_table, "free", "test") for model in regulated()]
        owner.cursor().executemany("INSERT INTO retention_rule VALUES (%s, %s, %s)", tables)
        owner.commit()
        yield
        owner.execute("DELETE FROM retention_rule")
        owner.cursor().executemany("INSERT INTO retention_rule VALUES (%s, %s, %s)", before)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside is rolled back, deferred checks included."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
