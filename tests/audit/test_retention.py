"""How long records are kept: the database refuses every way to delete one before, and while a hold keeps it."""

import datetime as dt

import psycopg
import pytest
from django.db import connection, models
from psycopg.sql import SQL, Identifier

from audit import retention
from audit.errors import Conflict, InvalidInput, MissingPermission, ReasonRequired, RecordKept
from audit.journal import change
from audit.models import LegalHold, RetentionPolicy
from audit.queries.retention import kept_types, overview, retention_of
from audit.verification.shipped import retention_rules
from equipment.models import ReasonCode
from inventory.models import Material
from mfg_project.common.problems import problem_of
from tests import factories
from tests.audit import journal
from tests.audit.journal import ACT, REASON, entries, full_plant, label, last_id, regulated
from tests.audit.sealed import as_administrator
from tests.database import PLANT, database

KEPT, REFUSED = "GB403", "42501"
pytest_db = pytest.mark.django_db(transaction=True)
FREE = {  # links, and what the program is set to
    "accounts.User_groups",
    "accounts.User_user_permissions",
    "auth.Group_permissions",
    *(f"django_celery_beat.{name}" for name in ("PeriodicTask", "ClockedSchedule", "CrontabSchedule")),
    *(f"django_celery_beat.{name}" for name in ("IntervalSchedule", "SolarSchedule")),
}
SAY = SQL(journal.SAY.replace("%s", "{}")).format(ACT)
AS_REPLICA = SQL("SET session_replication_role = replica")
MATERIALS = Material._meta.db_table
AGED = "01900000-0000-7000-8000-00000000a9ed"


def aged(years: float, *, is_known: bool = True) -> None:
    """A material whose last change is so long ago, or that the journal knows nothing of. Committed."""
    days = dt.timedelta(days=years * 365.25)
    columns = [f.column for f in Material._meta.concrete_fields if f.column not in ("id", "product_code", "created_at")]
    make = (
        f"INSERT INTO {MATERIALS} (id, product_code, created_at, {', '.join(columns)})"
        f" SELECT %(key)s, 'AGED', now() - %(days)s, {', '.join(columns)} FROM {MATERIALS} LIMIT 1"
    )
    tell = (
        "INSERT INTO journal_entry (tx_at, at, op, schema_name, table_name, pk, new, changed, actor_type, actor_name,"
        " reason_code, reason, request_id, station, source, app_version, compliance_flags)"
        f" SELECT now() - %(days)s, now() - %(days)s, 'I', 'public', '{MATERIALS}', id::text, to_jsonb(t), '{{}}',"
        f" 'user', 'Test', '', '', gen_random_uuid(), '', 'test', '0', '[]' FROM {MATERIALS} t WHERE id = %(key)s"
    )
    if not is_known:
        as_administrator(make, key=AGED, days=days)
        return
    with database.psycopg("admin") as admin:
        admin.execute(SQL("SET ROLE {}").format(Identifier(f"{PLANT}_journal")))
        admin.execute("SELECT journal_make_partition((now() - %s)::date)", [days])
    as_administrator(make, tell, key=AGED, days=days)


def delete_aged() -> int:
    with change("delete_record", REASON), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {MATERIALS} WHERE product_code = 'AGED'")
        return cursor.rowcount


# --- Every table, every role -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plant_on_disk(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), journal.plant_on_disk():
        yield


def attempt(role: str, model: type[models.Model], *before: SQL) -> str:
    """Delete the rows of a table one statement each: the SQLSTATE of the refusal, or "done"."""
    table, key = model._meta.db_table, model._meta.pk.column
    with database.psycopg(role) as session:
        try:
            for statement in before:
                session.execute(statement)
            session.execute(SQL("DELETE FROM {t} WHERE {k} IN (SELECT {k} FROM {t} LIMIT 1)").format(
                t=Identifier(table), k=Identifier(key)
            ))  # fmt: skip
        except psycopg.Error as refused:
            return refused.sqlstate
        finally:
            session.rollback()
    return "done"


@pytest.mark.parametrize(("role", "before"), [("app", ()), ("owner", ()), ("admin", ()), ("admin", (AS_REPLICA,))])
def test_no_row_of_any_journalled_table_is_deleted_by_raw_sql(plant_on_disk, role, before):
    tried = {label(model): attempt(role, model, *before, SAY) for model in regulated()}

    assert {name: state for name, state in tried.items() if name in FREE} == dict.fromkeys(FREE, "done")
    others = {name: state for name, state in tried.items() if name not in FREE}
    assert {name: state for name, state in others.items() if state not in (KEPT, REFUSED)} == {}
    assert others["production.WorkOrder"] == others["audit.LegalHold"] == KEPT


@pytest.mark.parametrize("role", ["auditor", "sealer"])
def test_who_only_reads_deletes_nothing(plant_on_disk, role):
    assert {attempt(role, model, SAY) for model in regulated()} == {REFUSED}


def test_a_key_changed_away_is_a_record_that_goes(plant):
    key = plant.stop_reason.pk
    start = last_id()

    with pytest.raises(RecordKept), change("update_record", REASON):
        ReasonCode.objects.filter(pk=key).update(id="01900000-0000-7000-8000-00000000beef")

    assert ReasonCode.objects.filter(pk=key).exists()
    assert entries(start) == []


def test_links_and_settings_are_what_may_go_at_any_time():
    """What else is declared free has to be named here, with somebody looking."""
    free = {table for table, rule in retention_rules().items() if rule == "free"}

    assert free == {model._meta.db_table for model in regulated() if label(model) in FREE}
    assert "work_orders" in kept_types()


def test_the_application_cannot_declare_a_table_free(plant_on_disk):
    with database.psycopg("app") as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("INSERT INTO retention_rule VALUES ('work_orders', 'free', 'mine')")


def test_a_cascade_takes_nothing_that_is_kept(as_admin):
    full_plant()
    start = last_id()

    with pytest.raises(RecordKept), change("delete_role", REASON):
        factories.Group.objects.get(name="operator").delete()  # the links go first, and come back

    assert entries(start) == []


# --- Years -------------------------------------------------------------------------------------------------


@pytest_db
@pytest.mark.parametrize(("years", "is_deleted"), [(6.9, False), (7.1, True)])
def test_seven_years_after_the_last_change_a_row_may_go(plant, years, is_deleted):
    aged(years)

    if is_deleted:
        assert delete_aged() == 1
    else:
        with pytest.raises(RecordKept, match="has to be kept until 20"):
            delete_aged()
    assert Material.objects.filter(product_code="AGED").exists() is not is_deleted


@pytest_db
def test_the_policy_of_the_type_decides_and_else_that_of_every_other(plant):
    aged(7.1)
    policy = retention.set_policy(record_type=MATERIALS, years=10, basis="Customer contract 12")
    with pytest.raises(RecordKept):
        delete_aged()

    retention.update_policy(pk=policy.pk, expected_version=1, reason="Contract ended", years=5)
    every = retention.set_policy(record_type="*", years=30, basis="Directive")
    aged_until = retention_of(MATERIALS, AGED).until
    assert dt.timedelta(0) < dt.datetime.now(dt.UTC) - aged_until < dt.timedelta(days=3 * 366)
    assert retention_of("work_orders", "x").until.year == dt.datetime.now(dt.UTC).year - 7 + every.years
    assert retention_of("audit_signature", "x").until.year == dt.datetime.now(dt.UTC).year - 7 + 30
    assert delete_aged() == 1


@pytest_db
def test_a_change_begins_the_years_anew(plant):
    aged(7.1)
    material = Material.objects.get(product_code="AGED")

    factories.records.update(material, product_name="Renamed", reason="Renamed by the supplier")

    with pytest.raises(RecordKept):
        delete_aged()


@pytest_db
def test_what_the_journal_does_not_know_counts_from_where_it_begins(plant):
    aged(30, is_known=False)

    with pytest.raises(RecordKept):
        delete_aged()


def test_links_of_a_record_may_go_at_any_time_and_are_journalled(as_admin):
    person = factories.user("operator", password="not-used-here")
    start = last_id()

    with change("update_user", REASON):
        person.groups.clear()

    assert [(entry["table_name"], entry["op"]) for entry in entries(start)] == [("accounts_user_groups", "D")]
    assert retention_of("accounts_user_groups", "1") is None


def test_the_refusal_says_which_record_and_until_when(plant, rf):
    key = plant.stop_reason.pk
    with pytest.raises(RecordKept) as refused, change("delete_record", REASON):
        ReasonCode.objects.filter(pk=key).delete()

    until = retention_of("equipment_reasoncode", str(key)).until
    assert str(refused.value) == f"Nothing was deleted: Reason {key} has to be kept until {until:%Y-%m-%d}."
    problem = problem_of(refused.value, rf.get("/"))
    assert (problem.status, problem.code, problem.members["key"]) == (409, "record_kept", str(key))


# --- Legal holds -------------------------------------------------------------------------------------------


@pytest_db
@pytest.mark.parametrize(
    ("scope", "holds"),
    [
        ({}, True),
        ({"record_type": MATERIALS}, True),
        ({"record_type": MATERIALS, "record_key": AGED}, True),
        ({"record_type": "work_orders"}, False),
    ],
)
def test_what_a_hold_covers_is_not_deleted_until_it_is_lifted(plant, scope, holds):
    aged(8)
    hold = retention.place_hold(**scope, reason="Complaint 2026-17")
    if holds:
        with pytest.raises(RecordKept, match="legal hold since 20"):
            delete_aged()
        retention.lift_hold(hold_id=hold.pk, reason="Complaint 2026-17 closed")

    assert delete_aged() == 1


def test_a_hold_of_another_record_does_not_keep_this_one(plant):
    retention.place_hold(record_type=MATERIALS, record_key=str(plant.product.pk), reason="Complaint")

    other = factories.product()
    assert retention_of(MATERIALS, str(other.pk)).hold_since is None
    assert retention_of(MATERIALS, str(plant.product.pk)).hold_since is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"record_type": "no_such_table"},
        {"record_type": MATERIALS, "record_key": "01900000-0000-7000-8000-000000000000"},
        {"record_key": "1"},
        {"reason": " "},
    ],
)
def test_a_hold_of_nothing_is_refused(plant, wrong):
    with pytest.raises(InvalidInput):
        retention.place_hold(**({"reason": "Complaint"} | wrong))

    assert not LegalHold.objects.exists()


def test_a_hold_is_lifted_once_with_a_reason_and_stays(plant):
    hold = retention.place_hold(reason="Complaint")
    with pytest.raises(ReasonRequired):
        retention.lift_hold(hold_id=hold.pk, reason=".")

    retention.lift_hold(hold_id=hold.pk, reason="Complaint closed")

    with pytest.raises(Conflict):
        retention.lift_hold(hold_id=hold.pk, reason="Once more")
    hold.refresh_from_db()
    assert (hold.lifted_by, hold.lift_reason) == (hold.placed_by, "Complaint closed")
    with pytest.raises(RecordKept), change("delete_record", REASON):
        hold.delete()


@pytest.mark.parametrize(("role", "may"), [("qa_manager", True), ("auditor", False), ("supervisor", False)])
def test_holds_and_policies_are_the_quality_managers(as_role, role, may):
    acts = (
        lambda: retention.place_hold(reason="Complaint"),
        lambda: retention.set_policy(record_type=MATERIALS, years=10, basis="Contract"),
    )
    with as_role(role):
        for act in acts:
            if may:
                act()
            else:
                with pytest.raises(MissingPermission):
                    act()


def test_a_program_places_no_hold(as_admin):
    as_admin.is_person = False

    with pytest.raises(InvalidInput, match="by a person"):
        retention.place_hold(reason="Complaint")


# --- Policies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record_type", ["audit_signature", "accounts_user_groups", "journal_leaf", ""])
def test_evidence_and_links_have_no_policy_of_their_own(as_admin, record_type):
    with pytest.raises(InvalidInput):
        retention.set_policy(record_type=record_type, years=3, basis="Because")


@pytest.mark.parametrize("years", [0, 101])
def test_years_are_between_one_and_a_hundred(as_admin, years):
    with pytest.raises(InvalidInput, match="Between 1 and 100"):
        retention.set_policy(record_type=MATERIALS, years=years, basis="Because")


def test_a_policy_is_changed_with_a_reason_and_keeps_its_versions_and_type(as_admin):
    policy = retention.set_policy(record_type=MATERIALS, years=10, basis="Contract")
    with pytest.raises(ReasonRequired):
        retention.update_policy(pk=policy.pk, expected_version=1, reason="", years=5)

    retention.update_policy(
        pk=policy.pk, expected_version=1, reason="Contract ended", years=5, record_type="work_orders"
    )

    assert list(RetentionPolicy.history.order_by("history_id").values_list("record_type", "years")) == [
        (MATERIALS, 10),
        (MATERIALS, 5),
    ]


@pytest_db
def test_the_overview_counts_what_is_past_its_years(plant):
    aged(7.1)
    retention.place_hold(record_type=MATERIALS, reason="Complaint")
    rows = {row.table: row for row in overview()}

    assert (rows[MATERIALS].past, rows[MATERIALS].years, rows[MATERIALS].holds) == (1, 7, 1)
    assert (rows["work_orders"].past, rows["work_orders"].holds) == (0, 0)
    assert set(rows) == set(kept_types())


def test_the_overview_of_a_young_plant_asks_little(plant, django_assert_num_queries):
    with django_assert_num_queries(4):
        assert {row.past for row in overview()} == {0}
