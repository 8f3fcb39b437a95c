"""Every way to write × every regulated table: one entry for each changed row, with the right values and person."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, models
from psycopg.types.json import Jsonb

from audit.context import Act, act_as, uuid7
from audit.journal import change
from tests.audit.journal import (
    EVIDENCE,
    REASON,
    changeable,
    entries,
    full_plant,
    label,
    last_id,
    nothing_kept,
    regulated,
    row_of,
    shown,
    undone,
)
from tests.database import PLANT

pytestmark = pytest.mark.django_db

# What an update changes; everything else has `created_at`.
COLUMN = {
    "accounts.User": ("printed_name", "Somebody else"),
    "accounts.User_groups": ("group_id", None),
    "accounts.User_user_permissions": ("permission_id", None),
    "auth.Group_permissions": ("permission_id", None),
    "accounts.SigningQualification": ("valid_until", "2099-12-31"),
    "accounts.ProviderConfirmation": ("used_at", "2020-02-29T12:34:56.789012+00:00"),
    "accounts.TemporaryCode": ("once", True),
    "audit.Outbox": ("urgent", True),
    "auth.Group": ("name", "Another role"),
    "django_celery_beat.ClockedSchedule": ("clocked_time", "2020-02-29T12:34:56.789012+00:00"),
    "django_celery_beat.CrontabSchedule": ("hour", "5"),
    "django_celery_beat.IntervalSchedule": ("every", 7),
    "django_celery_beat.PeriodicTask": ("description", "交換"),
    "django_celery_beat.SolarSchedule": ("event", "sunset"),
    "equipment.LineStateInterval": ("comment", "Bürste gewechselt 交換"),
    "audit.Incident": ("subject", "Another witness"),
    "audit.SigningWindow": ("station", "Bay 9"),
    "audit.LegalHold": ("reason", "Another complaint"),
    "production.ScheduledShift": ("is_cancelled", True),
}
# How a copy of a row differs where the row itself cannot be taken out and put in again.
COPY_OF_EVIDENCE: dict[str, Any] = {
    "audit.ArchiveCheck": lambda: {"id": 900_000_001},
    "audit.JournalArchive": lambda: {"id": 900_000_001},
    "audit.JournalMonth": lambda: {"id": 900_000_001, "month": "1990-02-01"},
    "accounts.Acknowledgement": lambda: {"id": str(uuid7()), "user_id": str(uuid7())},
    "accounts.SigningStatement": lambda: {"id": str(uuid7()), "revision": 99},
    "audit.Signature": lambda: {"id": str(uuid7()), "meaning": "approved", "transition": "hold"},
    "audit.SecurityEvent": lambda: {"id": 900_000_001},
    "audit.StateChange": lambda: {"id": 900_000_001},
    "audit.Timestamp": lambda: {"id": 900_000_001, "size": 900_000_001},
    "audit.TrailReview": lambda: {"id": str(uuid7()), "scope": "copy", "follows_id": None, "follows_until": None},
    "audit.VerificationRun": lambda: {"id": 900_000_001},
    "telemetry.ReadingArchive": lambda: {"id": 900_000_001, "file_name": "copy.parquet"},
    "production.QuantityReport": lambda: {"id": str(uuid7()), "client_token": str(uuid7())},
    "production.OperationRun": lambda: {"id": 900_000_001, "piece": "copy"},
    "quality.QualityCheck": lambda: {"id": str(uuid7()), "client_token": str(uuid7())},
    "quality.Measurement": lambda: {"id": 900_000_001, "characteristic_id": str(uuid7())},
}


@dataclass
class Case:
    """One row of one table, as it is (or is to be), and what shall change about it."""

    model: type[models.Model]
    row: dict[str, Any]
    column: str = ""
    value: Any = None

    @property
    def table(self) -> str:
        return connection.ops.quote_name(self.model._meta.db_table)

    @property
    def key(self) -> str:
        return self.model._meta.pk.column

    @property
    def pk(self) -> Any:
        return self.row[self.key]

    @property
    def columns(self) -> str:
        return ", ".join(f'"{name}"' for name in self.row)

    @property
    def source(self) -> str:
        return f"(SELECT (jsonb_populate_record(NULL::{self.table}, %s)).*) AS given"

    def instance(self) -> models.Model:
        """The row as an object of its model, built by PostgreSQL's and Django's own conversions."""
        found = self.model._base_manager.raw(f"SELECT * FROM {self.source}", [Jsonb(self.row)])
        return next(iter(found))

    def objects(self) -> models.QuerySet:
        return self.model._base_manager.filter(pk=self.pk)


def sql(statement: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


# --- One row gained --------------------------------------------------------------------------------------


def save(case: Case) -> None:
    new = case.instance()
    new._state.adding = True
    new.save(force_insert=True)


def objects_create(case: Case) -> None:
    new = case.instance()
    case.model._base_manager.create(**{f.attname: getattr(new, f.attname) for f in case.model._meta.concrete_fields})


def bulk_create(case: Case) -> None:
    case.model._base_manager.bulk_create([case.instance()])


def raw_insert(case: Case) -> None:
    sql(f"INSERT INTO {case.table} ({case.columns}) SELECT {case.columns} FROM {case.source}", Jsonb(case.row))


def on_conflict_insert(case: Case) -> None:
    sql(
        f"INSERT INTO {case.table} ({case.columns}) SELECT {case.columns} FROM {case.source} ON CONFLICT DO NOTHING",
        Jsonb(case.row),
    )


def with_insert(case: Case) -> None:
    sql(
        f"WITH put AS (INSERT INTO {case.table} ({case.columns}) SELECT {case.columns} FROM {case.source} "
        f"RETURNING 1) SELECT count(*) FROM put",
        Jsonb(case.row),
    )


def merge_insert(case: Case) -> None:
    values = ", ".join(f'given."{name}"' for name in case.row)
    sql(
        f"MERGE INTO {case.table} AS t USING {case.source} ON t.{case.key} = given.{case.key} "
        f"WHEN NOT MATCHED THEN INSERT ({case.columns}) VALUES ({values})",
        Jsonb(case.row),
    )


def copy(case: Case) -> None:
    texts = ", ".join(f'"{name}"::text' for name in case.row)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {texts} FROM {case.source}", [Jsonb(case.row)])
        row = cursor.fetchone()
        with cursor.copy(f"COPY {case.table} ({case.columns}) FROM STDIN") as into:
            into.write_row(row)


# --- One row changed -------------------------------------------------------------------------------------


def save_changed(case: Case) -> None:
    record = case.objects().get()
    setattr(record, case.column, case.value)
    record.save()


def queryset_update(case: Case) -> None:
    case.objects().update(**{case.column: case.value})


def bulk_update(case: Case) -> None:
    record = case.objects().get()
    setattr(record, case.column, case.value)
    field = next(f.name for f in case.model._meta.concrete_fields if f.attname == case.column)
    case.model._base_manager.bulk_update([record], [field])


def raw_update(case: Case) -> None:
    sql(f'UPDATE {case.table} SET "{case.column}" = %s WHERE {case.key} = %s', case.value, case.pk)


def on_conflict_update(case: Case) -> None:
    sql(
        f"INSERT INTO {case.table} ({case.columns}) SELECT {case.columns} FROM {case.source} "
        f'ON CONFLICT ({case.key}) DO UPDATE SET "{case.column}" = %s',
        Jsonb(case.row),
        case.value,
    )


def merge_update(case: Case) -> None:
    sql(
        f"MERGE INTO {case.table} AS t USING {case.source} ON t.{case.key} = given.{case.key} "
        f'WHEN MATCHED THEN UPDATE SET "{case.column}" = %s',
        Jsonb(case.row),
        case.value,
    )


# --- One row lost ----------------------------------------------------------------------------------------


def queryset_delete(case: Case) -> None:
    case.objects()._raw_delete("default")  # what .delete() sends once it has asked about dependent rows


def raw_delete(case: Case) -> None:
    sql(f"DELETE FROM {case.table} WHERE {case.key} = %s", case.pk)


def merge_delete(case: Case) -> None:
    sql(
        f"MERGE INTO {case.table} AS t USING {case.source} ON t.{case.key} = given.{case.key} WHEN MATCHED THEN DELETE",
        Jsonb(case.row),
    )


INSERTS = [save, objects_create, bulk_create, raw_insert, on_conflict_insert, with_insert, merge_insert, copy]
UPDATES = [save_changed, queryset_update, bulk_update, raw_update, on_conflict_update, merge_update]
DELETES = [queryset_delete, raw_delete, merge_delete]


# --- The tests -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def _nothing_kept(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), nothing_kept():
        yield


@pytest.fixture
def act(as_admin) -> Act:
    """An act with everything there is to say about one, open for the whole test."""
    full_plant()
    with act_as(as_admin, source="matrix"), change("update_record", REASON) as act:
        yield act


def some_row(model: type[models.Model]) -> dict[str, Any]:
    rows = model._base_manager.order_by("pk")
    if label(model) == "accounts.User":
        rows = rows.filter(username="test-operator")  # who has acted cannot be taken out
    return row_of(model, rows.values_list("pk", flat=True).first())


def new_value(model: type[models.Model], row: dict[str, Any]) -> tuple[str, Any]:
    """A column and another value for it; a link is made to point at something nobody has linked."""
    column, value = COLUMN.get(label(model), ("created_at", "2020-02-29T12:34:56.789012+00:00"))
    if value is None:
        taken = model._base_manager.values_list(column, flat=True)
        field = next(f for f in model._meta.concrete_fields if f.attname == column)
        value = field.related_model._base_manager.exclude(pk__in=taken).order_by("pk").first().pk
    assert row[column] != value
    return column, value


def facts(act: Act, model: type[models.Model]) -> dict[str, Any]:
    """What every entry of the act says, whatever the row."""
    return {
        "table_name": model._meta.db_table,
        "schema_name": "public",
        "actor_id": str(act.actor.pk),
        "actor_type": "user",
        "actor_name": act.actor.printed_name,
        "on_behalf_of": None,
        "reason_code": "update_record",
        "reason": REASON,
        "request_id": str(act.id),
        "station": "",
        "source": "matrix",
        "db_user": f"{PLANT}_app",
        "compliance_flags": ["21 CFR Part 11", "ISO 9001"],
    }


def differences(found: list[dict[str, Any]], wanted: dict[str, Any]) -> Any:
    """None, or what is wrong: the number of entries, or the facts that differ."""
    if len(found) != 1:
        return f"{len(found)} entries", [(e["table_name"], e["op"]) for e in found]
    return {name: (found[0][name], value) for name, value in wanted.items() if found[0][name] != value} or None


@pytest.mark.parametrize("path", INSERTS, ids=lambda path: path.__name__)
def test_a_row_gained_is_one_entry(act, path):
    wrong = {}
    for model in regulated():
        row = some_row(model)
        with undone():
            if label(model) in EVIDENCE:
                row |= COPY_OF_EVIDENCE[label(model)]()
            else:
                raw_delete(Case(model, row))
            before = last_id()
            path(Case(model, row))
            now = row_of(model, row[model._meta.pk.column])
            wanted = {"op": "I", "pk": str(row[model._meta.pk.column]), "old": None, "new": shown(model, now)}
            wrong[label(model)] = differences(entries(before), facts(act, model) | wanted | {"changed": []})

    assert {name: what for name, what in wrong.items() if what} == {}


@pytest.mark.parametrize("path", UPDATES, ids=lambda path: path.__name__)
def test_a_row_changed_is_one_entry_with_the_changed_fields_alone(act, path):
    wrong = {}
    for model in changeable():
        row = some_row(model)
        with undone():
            case = Case(model, row, *new_value(model, row))
            before = last_id()
            path(case)
            now = row_of(model, case.pk)
            changed = sorted(name for name in shown(model, row) if row[name] != now[name])
            assert case.column in changed
            wanted = {
                "op": "U",
                "pk": str(case.pk),
                "old": {name: row[name] for name in changed},
                "new": {name: now[name] for name in changed},
                "changed": changed,
            }
            wrong[label(model)] = differences(entries(before), facts(act, model) | wanted)

    assert {name: what for name, what in wrong.items() if what} == {}


@pytest.mark.parametrize("path", DELETES, ids=lambda path: path.__name__)
def test_a_row_lost_is_one_entry_with_everything_it_held(act, path):
    wrong = {}
    for model in changeable():
        row = some_row(model)
        with undone():
            case = Case(model, row)
            before = last_id()
            path(case)
            assert row_of(model, case.pk) is None
            wanted = {"op": "D", "pk": str(case.pk), "old": shown(model, row), "new": None, "changed": []}
            wrong[label(model)] = differences(entries(before), facts(act, model) | wanted)

    assert {name: what for name, what in wrong.items() if what} == {}


def test_a_statement_over_many_rows_is_an_entry_for_each_changed_one(act):
    wrong = {}
    for model in changeable():
        if label(model) in COLUMN:
            continue
        row = some_row(model)
        others = model._base_manager.exclude(created_at=row["created_at"]).count()
        with undone():
            before = last_id()
            model._base_manager.update(created_at=row["created_at"])
            found = entries(before)
            if len(found) != others or len({e["pk"] for e in found}) != others:
                wrong[label(model)] = (len(found), others)

    assert wrong == {}


@pytest.mark.parametrize("path", [queryset_update, raw_update, on_conflict_update, merge_update])
def test_an_update_that_changes_nothing_is_no_entry(act, path):
    for model in changeable():
        row = some_row(model)
        column, _value = new_value(model, row)
        before = last_id()
        path(Case(model, row, column, row[column]))
        assert entries(before) == [], label(model)


def test_a_changed_primary_key_is_a_row_lost_and_a_row_gained(act):
    for model in changeable():
        row = some_row(model)
        new_pk = 900_000_001 if isinstance(row[model._meta.pk.column], int) else str(UUID(int=77))
        with undone():
            before = last_id()
            raw_update(Case(model, row, model._meta.pk.column, new_pk))
            found = entries(before)
            now = row_of(model, new_pk)
            assert sorted(e["op"] for e in found) == ["D", "I"], label(model)
            lost, gained = sorted(found, key=lambda e: e["op"])
            assert (lost["pk"], gained["pk"]) == (str(row[model._meta.pk.column]), str(new_pk))
            assert (lost["old"], gained["new"]) == (shown(model, row), shown(model, now))
