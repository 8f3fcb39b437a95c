"""What each role of the database may not do to the journal and the records, with real connections of these roles.

The owner of the tables migrates and can take the journal's role by name, so it is trusted with DDL; the cluster's
administrator can switch a trigger off. Neither is stopped here: seals outside the database find what they did.
"""

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from accounts.models import User
from tests.audit import journal
from tests.audit.journal import ACT, EVIDENCE, historical, label, regulated
from tests.database import PLANT, database

REFUSED = "42501"  # insufficient_privilege, by a missing right or by a guard
SIGNING_IN = ("app", "sealer", "auditor", "owner")
SAY = SQL(journal.SAY.replace("%s", "{}")).format(ACT)
AS_REPLICA = SQL("SET session_replication_role = replica")


@pytest.fixture(scope="module", autouse=True)
def plant_on_disk(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), journal.plant_on_disk():
        yield


def attempt(role: str, *statements: str | SQL | psycopg.sql.Composed) -> str:
    """The SQLSTATE of the first refusal, or "done". Always rolled back."""
    with database.psycopg(role) as connection:
        try:
            for statement in statements:
                connection.execute(statement)
        except psycopg.Error as refused:
            return refused.sqlstate
        finally:
            connection.rollback()
    return "done"


def asked(role: str, question: str, *params: object) -> list[tuple]:
    with database.psycopg(role) as connection:
        return connection.execute(question, params).fetchall()


def journal_tables() -> list[str]:
    of = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'journal_entry'::regclass"
    partitions = asked("admin", of)
    return ["journal_entry", *(name for (name,) in partitions)]


def on(table: str, statement: str) -> psycopg.sql.Composed:
    return SQL(statement).format(t=Identifier(table))


def attempts(role: str, tables: list[str], *statements: str, before: tuple = ()) -> dict[tuple[str, str], str]:
    """What was not refused as it should be."""
    tried = {(t, s): attempt(role, *before, on(t, s)) for t in tables for s in statements}
    assert tried
    return {what: state for what, state in tried.items() if state != REFUSED}


# --- The journal -----------------------------------------------------------------------------------------


ROWS = (
    "INSERT INTO {t} OVERRIDING SYSTEM VALUE SELECT * FROM journal_entry LIMIT 1",
    "UPDATE {t} SET reason = reason",
    "UPDATE {t} SET actor_name = 'Nobody' WHERE id = (SELECT max(id) FROM journal_entry)",
    "DELETE FROM {t}",
    "TRUNCATE {t}",
    "TRUNCATE {t} CASCADE",
    "MERGE INTO {t} AS t USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE",
    "COPY {t} FROM STDIN",
)
SHAPE = (
    "ALTER TABLE {t} DISABLE TRIGGER ALL",
    "ALTER TABLE {t} DISABLE TRIGGER journal_no_truncate",
    "ALTER TABLE {t} ENABLE REPLICA TRIGGER journal_append_only",
    "DROP TRIGGER journal_no_truncate ON {t}",
    "ALTER TABLE {t} ALTER COLUMN reason DROP NOT NULL",
    "ALTER TABLE {t} OWNER TO CURRENT_USER",
    "CREATE RULE nothing AS ON INSERT TO {t} DO INSTEAD NOTHING",
)


def test_there_are_entries_and_partitions_to_attack():
    assert len(journal_tables()) >= 5
    assert asked("auditor", "SELECT count(*) > 100 FROM journal_entry") == [(True,)]


@pytest.mark.parametrize("role", SIGNING_IN)
def test_no_role_writes_the_journal_or_any_partition(role):
    assert attempts(role, journal_tables(), *ROWS) == {}


@pytest.mark.parametrize("role", SIGNING_IN)
def test_no_role_takes_the_guards_off_the_journal(role):
    assert attempts(role, journal_tables(), *SHAPE) == {}


@pytest.mark.parametrize("role", ["app", "sealer", "auditor"])
def test_only_who_migrates_could_drop_or_detach(role):
    partitions = journal_tables()[1:]

    assert attempts(role, journal_tables(), "DROP TABLE {t}", "DROP TABLE {t} CASCADE") == {}
    assert attempts(role, partitions, "ALTER TABLE journal_entry DETACH PARTITION {t}") == {}
    assert attempt(role, f"SET ROLE {PLANT}_journal") == REFUSED
    assert attempt(role, f"SET ROLE {PLANT}_owner") == REFUSED
    assert attempt(role, f"SET SESSION AUTHORIZATION {PLANT}_owner") == REFUSED


@pytest.mark.parametrize("before", [(), (AS_REPLICA,)], ids=["plain", "as a replica"])
def test_not_even_the_administrator_changes_entries_while_the_guards_are_on(before):
    full = [t for t in journal_tables() if asked("admin", f"SELECT EXISTS (SELECT FROM {t})")[0][0]]

    assert len(full) >= 2  # the journal and the partition of this month
    assert attempts("admin", full, "UPDATE {t} SET reason = 'x'", "DELETE FROM {t}", before=before) == {}
    assert attempts("admin", journal_tables(), "TRUNCATE {t}", "TRUNCATE {t} CASCADE", before=before) == {}


@pytest.mark.parametrize("role", SIGNING_IN)
def test_no_role_silences_triggers_for_its_session(role):
    assert attempt(role, AS_REPLICA) == REFUSED


@pytest.mark.parametrize("role", ["app", "sealer", "auditor"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT journal_make_partition('2031-01-01')",
        "SELECT journal_digested('{}', '{}')",
        "SELECT journal_refusal('INSERT', '{}')",
        "SELECT journal_write()",
        "CREATE TEMP TABLE fake (id int); CREATE TRIGGER t AFTER INSERT ON fake REFERENCING NEW TABLE AS new_rows "
        "FOR EACH STATEMENT EXECUTE FUNCTION journal_write('id', '{}', '{}', '[]')",
        "CREATE OR REPLACE FUNCTION journal_write() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION journal_write() SET search_path = pg_temp",
        "DROP FUNCTION journal_refuse() CASCADE",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE public.mine (id int)",
        "ALTER TABLE journal_entry ALTER COLUMN id RESTART",
        "SELECT setval(pg_get_serial_sequence('journal_entry', 'id'), 1)",
        "SELECT nextval(pg_get_serial_sequence('journal_entry', 'id'))",
    ],
)
def test_the_functions_of_the_journal_are_not_for_the_roles_that_sign_in(role, statement):
    assert attempt(role, statement) == REFUSED


def test_the_writing_function_cannot_be_called_by_who_installs_it():
    assert attempt("owner", "SELECT journal_write()") == "0A000"


def test_auditor_and_sealer_read_the_journal_and_write_no_record():
    tables = [model._meta.db_table for model in (*regulated(), *historical())]
    for role in ("auditor", "sealer"):
        assert asked(role, "SELECT count(*) FROM journal_entry")[0][0] > 0
        statements = ("INSERT INTO {t} DEFAULT VALUES", "DELETE FROM {t}", "TRUNCATE {t} CASCADE")
        assert attempts(role, tables, *statements, before=(SAY,)) == {}


# --- The records -----------------------------------------------------------------------------------------


def test_nobody_empties_a_table_by_truncate():
    tables = [model._meta.db_table for model in (*regulated(), *historical())]

    for role in ("app", "owner"):
        assert attempts(role, tables, "TRUNCATE {t} CASCADE", before=(SAY,)) == {}
    assert attempts("admin", tables, "TRUNCATE {t} CASCADE", before=(AS_REPLICA, SAY)) == {}


@pytest.mark.parametrize(("role", "before"), [("app", ()), ("owner", ()), ("admin", ()), ("admin", (AS_REPLICA,))])
def test_histories_and_evidence_are_written_once(role, before):
    models = [*historical(), *(model for model in regulated() if label(model) in EVIDENCE)]
    tables = [model._meta.db_table for model in models]

    assert [t for t in tables if not asked("admin", f"SELECT EXISTS (SELECT FROM {t})")[0][0]] == []
    for model in models:
        pk = model._meta.pk.column
        statements = (f"UPDATE {{t}} SET {pk} = {pk}", "DELETE FROM {t}")
        assert attempts(role, [model._meta.db_table], *statements, before=(*before, SAY)) == {}


@pytest.mark.parametrize("table", ["equipment_site", "audit_signature", "accounts_user_groups"])
def test_the_application_cannot_take_the_triggers_off_a_record(table):
    statements = ("ALTER TABLE {t} DISABLE TRIGGER ALL", "DROP TRIGGER zz_journal_update ON {t}", "DROP TABLE {t}")

    assert attempts("app", [table], *statements) == {}


@pytest.mark.parametrize(("role", "before"), [("app", ()), ("owner", ()), ("admin", ()), ("admin", (AS_REPLICA,))])
def test_nobody_writes_without_a_name(role, before):
    """Who signs in as another role than the application is told apart, not let off."""
    tables = [model._meta.db_table for model in regulated() if label(model) not in EVIDENCE]
    tried = {t: attempt(role, *before, on(t, "DELETE FROM {t}")) for t in tables}

    assert tried.pop("accounts_user") == "42501"  # an account that acted is never deleted, whoever asks
    assert {t: state for t, state in tried.items() if state != "GB401"} == {}


# --- Attacks from a session of the application -------------------------------------------------------------


def rename_the_site(*before: str) -> tuple[int, list[tuple]]:
    """Rename the site after these statements, as the application; returns (entries gained, the newest of them)."""
    with database.psycopg("app") as connection:
        for statement in (*before, SAY):
            connection.execute(statement)
        count = "SELECT count(*) FROM public.journal_entry"
        (earlier,) = connection.execute(count).fetchone()
        connection.execute("UPDATE public.equipment_site SET name = 'Renamed'")
        (later,) = connection.execute(count).fetchone()
        newest = connection.execute(
            "SELECT db_user, table_name, old ->> 'name', new ->> 'name' FROM public.journal_entry "
            "ORDER BY id DESC LIMIT 1"
        ).fetchall()
        connection.rollback()
    return later - earlier, newest


RENAMED = (1, [(f"{PLANT}_app", "equipment_site", "Test plant", "Renamed")])


def test_the_database_user_is_the_one_who_signed_in_whatever_the_act_says():
    assert '"db_user": "postgres"' in ACT
    assert rename_the_site() == RENAMED
    assert rename_the_site("SET application_name = 'postgres'") == RENAMED


@pytest.mark.parametrize(
    "name",
    ["journal_entry", "journal_context", "new_rows", "old_rows", "pg_class"],
)
def test_a_temporary_table_of_the_same_name_does_not_catch_the_entries(name):
    like = "public.journal_entry" if name == "journal_entry" else "public.equipment_site"

    assert rename_the_site(f"CREATE TEMP TABLE {name} (LIKE {like})", "SET search_path = pg_temp, public") == RENAMED


def test_a_temporary_function_of_the_same_name_is_not_called():
    hide = (
        'CREATE FUNCTION pg_temp.{} RETURNS jsonb LANGUAGE sql AS $$ SELECT \'{{"name": "hidden"}}\'::jsonb $$'
    ).format

    assert (
        rename_the_site(
            hide("journal_digested(jsonb, text[])"),
            hide("to_jsonb(public.equipment_site)"),
            "SET search_path = pg_temp, public, pg_catalog",
        )
        == RENAMED
    )


def test_settings_of_the_session_do_not_change_what_is_written():
    assert (
        rename_the_site(
            "SET timezone = 'Asia/Tokyo'",
            "SET datestyle = 'German'",
            "SET standard_conforming_strings = off",
            "SET default_transaction_deferrable = on",
            "SET row_security = off",
        )
        == RENAMED
    )


def test_an_act_of_the_whole_session_is_still_journalled_as_the_applications():
    """Whoever has the application's password can claim a name; not another database user, and not no entry."""
    assert rename_the_site(f"SET genba.act = '{ACT}'") == RENAMED


def test_a_person_who_acted_cannot_be_deleted():
    """The database itself keeps who did something, before any foreign key is asked."""
    with database.psycopg("app") as connection:
        connection.execute(SAY)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="has acted"):
            connection.execute(f"DELETE FROM {User._meta.db_table}")
        connection.rollback()
