"""The application must not be able to switch its own audit trail off: what the check says of each role."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from audit.checks import RoleGuard, database_role
from audit.database.roles import connected_as, excess_of_rights
from audit.queries.snapshot import snapshot
from audit.verification.session import opened
from deploy import roles
from tests.database import database

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def administrator():
    return roles.address(database.admin, database=database.name)


def test_the_applications_role_may_nothing_too_much():
    assert excess_of_rights() == []
    assert database_role(databases=["default"]) == []
    RoleGuard()()


def idles_for(role: str) -> str:
    with database.psycopg(role) as connection:
        return connection.execute("SHOW idle_in_transaction_session_timeout").fetchone()[0]


def test_the_application_does_not_idle_in_a_transaction_and_so_hold_the_seal_back():
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("1min",)
    assert [idles_for(role) for role in ("owner", "sealer", "auditor")] == [idles_for("admin")] * 3


def test_snapshots_for_reading_may_pause_as_they_hold_no_seal_back():
    asked = "SELECT current_setting('idle_in_transaction_session_timeout'), pg_current_xact_id_if_assigned()"
    with opened() as session:
        assert session.rows(asked) == [("0", None)]
    with snapshot(), connection.cursor() as cursor:
        cursor.execute(asked)
        assert cursor.fetchall() == [("0", None)]


def test_the_owner_of_the_tables_is_refused():
    with connected_as(database.urls["owner"]):
        (owned, truncates) = excess_of_rights()
    assert "genbatest_owner owns" in owned
    assert "may TRUNCATE" in truncates


def test_a_superuser_is_refused(administrator):
    with connected_as(administrator):
        assert "is a superuser" in excess_of_rights()[0]


@pytest.mark.parametrize("inherits", ["INHERIT", "NOINHERIT"])  # SET ROLE reaches what is not inherited
def test_a_role_that_may_switch_triggers_off_is_refused(administrator, inherits):
    with connected_as(administrator), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE ROLE genbatest_mutes")
        cursor.execute(f"CREATE ROLE genbatest_other {inherits} IN ROLE genbatest_mutes")
        cursor.execute("SET LOCAL ROLE genbatest_other")
        assert excess_of_rights() == []
        cursor.execute("RESET ROLE")
        cursor.execute("GRANT SET ON PARAMETER session_replication_role TO genbatest_mutes")
        cursor.execute("SET LOCAL ROLE genbatest_other")
        (told,) = excess_of_rights()
        transaction.set_rollback(True)  # roles belong to the whole cluster
    assert told == "the role genbatest_other may set session_replication_role, which switches triggers off"


@pytest.mark.parametrize(("production", "level"), [(True, "Error"), (False, "Warning")])
def test_the_check_names_what_is_too_much(administrator, settings, production, level):
    settings.PRODUCTION = production
    with connected_as(administrator):
        found = database_role(databases=["default"])

    assert {type(message).__name__ for message in found} == {level}
    assert any("superuser" in message.msg for message in found)


def test_in_production_the_first_connection_is_refused_and_so_is_the_next(administrator):
    guard = RoleGuard()
    with connected_as(administrator):
        for _connection in range(2):
            with pytest.raises(ImproperlyConfigured, match="Refusing to work in production mode"):
                guard()


def test_a_check_without_a_database_asks_nothing():
    assert database_role(databases=None) == []
