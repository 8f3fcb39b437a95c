"""Changes of the structure are in the journal; nobody who signs in drops the journal's own tables."""

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from audit.verification.verify import verify
from mfg_project.common import plant as known_plant
from tests.audit.journal import ACT, SAY
from tests.audit.sealed import codes
from tests.database import PLANT, database

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED = "42501"
AS_JOURNAL = SQL("SET ROLE {}").format(Identifier(f"{PLANT}_journal"))


def noted(connection: psycopg.Connection) -> list[tuple]:
    """What this transaction left in the journal of the structure, oldest first."""
    return connection.execute(
        "SELECT pk, new ->> 'command', actor_name, source FROM journal_entry"
        " WHERE op = 'S' AND xid = pg_current_xact_id() ORDER BY id"
    ).fetchall()


@pytest.mark.parametrize(
    ("role", "statement", "object_", "command"),
    [
        ("owner", "ALTER TABLE work_orders DISABLE TRIGGER zz_journal_update", "public.work_orders", "ALTER TABLE"),
        ("owner", "CREATE TABLE beside (id int)", "public.beside", "CREATE TABLE"),
        ("owner", "DROP TRIGGER zz_journal_update ON work_orders",
         "zz_journal_update on public.work_orders", "DROP TRIGGER"),
        ("owner", "GRANT TRUNCATE ON work_orders TO PUBLIC", "(rights)", "GRANT"),
        ("admin", "ALTER TABLE journal_entry DISABLE TRIGGER ALL", "public.journal_entry", "ALTER TABLE"),
        ("admin", "DROP TABLE journal_node", "public.journal_node", "DROP TABLE"),
    ],
)  # fmt: skip
def test_who_changes_the_structure_is_noted_without_having_said_who(db, role, statement, object_, command):
    with database.psycopg(role) as connection:
        connection.execute(statement)
        name = f"{PLANT}_owner" if role == "owner" else connection.info.user
        found = [(pk, what, who, how) for pk, what, who, how in noted(connection) if pk == object_]
        connection.rollback()

    assert (object_, command, f"Database role {name}", "sql") in found


def test_a_person_who_said_so_is_named_and_the_statement_is_kept(db):
    with database.psycopg("owner") as owner:
        owner.execute(SAY, [ACT])
        owner.execute("ALTER TABLE work_orders ADD COLUMN colour text")
        row = owner.execute(
            "SELECT actor_name, reason_code, new ->> 'statement' FROM journal_entry WHERE op = 'S' AND"
            " xid = pg_current_xact_id()"
        ).fetchone()
        owner.rollback()

    assert row == ("Somebody", "update_record", "ALTER TABLE work_orders ADD COLUMN colour text")


def test_content_and_temporary_tables_are_no_structure(db):
    with database.psycopg("owner") as owner:
        owner.execute("REFRESH MATERIALIZED VIEW mv_production_kpi_daily")
        owner.execute("CREATE TEMP TABLE mine (id int)")
        owner.execute("DROP TABLE mine")
        assert noted(owner) == []
        owner.rollback()


@pytest.mark.parametrize("name", ["journal_entry", "journal_leaf", "journal_node", "journal_checkpoint"])
def test_who_owns_the_journal_does_not_drop_it(db, name):
    with database.psycopg("owner") as owner:
        owner.execute(AS_JOURNAL)
        with pytest.raises(psycopg.Error) as refused:
            owner.execute(SQL("DROP TABLE {} CASCADE").format(Identifier(name)))

    assert refused.value.sqlstate == REFUSED
    assert "the journal is kept" in str(refused.value)


def test_nor_a_month_of_it_nor_the_schema_it_lies_in(db):
    for statement in (
        "DO $$ BEGIN EXECUTE 'DROP TABLE ' || (SELECT min(inhrelid::regclass::text) FROM pg_inherits"
        " WHERE inhparent = 'journal_entry'::regclass); END $$",
        "DROP SCHEMA public CASCADE",
    ):
        with database.psycopg("owner") as owner:
            if statement.startswith("DO"):
                owner.execute(AS_JOURNAL)
            with pytest.raises(psycopg.Error) as refused:
                owner.execute(statement)
        assert refused.value.sqlstate == REFUSED, refused.value


@pytest.mark.parametrize(
    "statement",
    [
        "DROP FUNCTION genba_guard.on_command() CASCADE",
        "DROP SCHEMA genba_guard CASCADE",
        "ALTER EVENT TRIGGER genba_drop DISABLE",
        "DROP EVENT TRIGGER genba_drop",
        "SELECT genba_guard.note('public', 'x', 'x', 'x')",
        "SET session_replication_role = replica",
    ],
)
@pytest.mark.parametrize("role", ["owner", "app"])
def test_the_guard_itself_is_out_of_their_reach(db, role, statement):
    with database.psycopg(role) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement)

    assert refused.value.sqlstate == REFUSED


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("ALTER EVENT TRIGGER genba_drop DISABLE", "event_trigger"),
        ("DROP EVENT TRIGGER genba_command", "event_trigger"),
        ("CREATE OR REPLACE FUNCTION genba_guard.on_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER"
         " AS 'BEGIN END'", "function_altered"),
    ],
)  # fmt: skip
def test_a_verification_finds_the_guard_off(db, statement, code):
    known_plant.forget()
    with database.psycopg("admin") as admin:
        admin.execute(statement)

    assert code in codes(verify(quick=True))


def test_without_the_guard_a_verification_says_what_it_cannot_tell(db):
    with database.psycopg("admin") as admin:
        admin.execute("DROP EVENT TRIGGER genba_command; DROP EVENT TRIGGER genba_drop")

    assert any("structure" in why for why in verify(quick=True).unchecked["database"])
