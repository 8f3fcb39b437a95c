"""The months of the journal: made ahead, in UTC, never missing silently."""

import datetime as dt

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from rest_framework.test import APIClient

from audit.errors import JournalUnavailable
from production.models import WorkOrder
from production.services.work_orders import update_work_order
from tests import factories
from tests.audit.journal import ACT, REASON, SAY
from tests.database import PLANT, database

BOUNDS = """
    SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'journal_entry'::regclass ORDER BY c.relname
"""
GUARDS = """
    SELECT t.tgname, t.tgenabled::text, (t.tgtype & 32) <> 0 FROM pg_trigger t
    WHERE t.tgrelid = %s::regclass ORDER BY t.tgname
"""


@pytest.fixture
def owner(db):
    """A session of the role that migrates, rolled back at the end."""
    with database.psycopg("owner") as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def app(db):
    with database.psycopg("app") as connection:
        yield connection
        connection.rollback()


def months_from_now(count: int) -> dt.date:
    today = dt.datetime.now(dt.UTC).date()
    year, month = divmod(today.year * 12 + today.month - 1 + count, 12)
    return dt.date(year, month + 1, 1)


def name_of(month: dt.date) -> str:
    return f"journal_entry_y{month:%Y}m{month:%m}"


def bounds(connection: psycopg.Connection) -> dict[str, str]:
    connection.execute("SET LOCAL timezone = 'UTC'")
    return dict(connection.execute(BOUNDS).fetchall())


def make(connection: psycopg.Connection, ahead: int) -> int:
    return connection.execute("SELECT journal_make_partitions(%s)", [ahead]).fetchone()[0]


def as_journal(connection: psycopg.Connection) -> None:
    connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(f"{PLANT}_journal")))


def put(connection: psycopg.Connection, tx_at: str) -> str:
    """The partition that takes an entry of a transaction begun at this moment."""
    return connection.execute(
        "INSERT INTO journal_entry (tx_at, at, op, schema_name, table_name, pk, changed, actor_type, actor_name, "
        "reason_code, reason, request_id, station, source, app_version, compliance_flags) "
        "VALUES (%s, %s::timestamptz + interval '5 minutes', 'I', 'public', 'x', '1', '{}', 'user', 'Test', "
        "'', '', gen_random_uuid(), '', 'test', '0', '[]') RETURNING tableoid::regclass::text",
        [tx_at, tx_at],
    ).fetchone()[0]


# --- Made ahead ------------------------------------------------------------------------------------------


def test_a_new_plant_has_this_month_and_three_more(app):
    assert list(bounds(app)) == [name_of(months_from_now(n)) for n in range(4)]


def test_making_partitions_again_makes_none_and_the_application_may(app):
    assert make(app, 3) == 0
    assert make(app, 6) == 3
    assert make(app, 6) == 0
    assert list(bounds(app)) == [name_of(months_from_now(n)) for n in range(7)]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati"])
def test_months_are_utc_whatever_the_zone_of_the_session(app, zone):
    app.execute(SQL("SET timezone = {}").format(zone))
    make(app, 14)

    for n in range(15):
        first, next_first = months_from_now(n), months_from_now(n + 1)
        assert bounds(app)[name_of(first)] == (
            f"FOR VALUES FROM ('{first} 00:00:00+00') TO ('{next_first} 00:00:00+00')"
        )


def test_a_partition_made_later_is_guarded_like_the_first(app):
    make(app, 4)

    for n in (0, 4):
        guards = app.execute(GUARDS, [name_of(months_from_now(n))]).fetchall()
        assert guards == [("journal_append_only", "A", False), ("journal_no_truncate", "A", True)]


def test_a_temporary_table_is_not_taken_for_the_partition(app):
    app.execute(f"CREATE TEMP TABLE {name_of(months_from_now(4))} (id int)")

    assert make(app, 4) == 1
    assert name_of(months_from_now(4)) in bounds(app)


def test_there_is_no_heap_for_what_fits_no_month(app):
    assert "DEFAULT" not in bounds(app).values()


# --- Month end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_an_entry_belongs_to_the_month_its_transaction_began_in(owner, zone):
    """The clock cannot be set back here, so the moments are given: the columns' defaults are tested below."""
    owner.execute(SQL("SET timezone = {}").format(zone))
    as_journal(owner)
    for month in ("2020-01-15", "2020-02-15"):
        owner.execute("SELECT journal_make_partition(%s)", [month])

    # begun before midnight, written after it
    assert put(owner, "2020-01-31T23:59:59.999999+00:00") == "journal_entry_y2020m01"
    assert put(owner, "2020-02-01T00:00:00+00:00") == "journal_entry_y2020m02"
    assert put(owner, "2020-01-31T23:59:59+09:00") == "journal_entry_y2020m01"
    assert put(owner, "2020-02-01T08:59:59.999999+09:00") == "journal_entry_y2020m01"
    assert put(owner, "2020-01-31T19:00:00-05:00") == "journal_entry_y2020m02"


def test_entries_of_one_transaction_share_its_moment_and_tell_their_own(owner):
    owner.execute(SAY, [ACT])
    for name in ("one", "two"):
        owner.execute("SELECT pg_sleep(0.01)")
        owner.execute("INSERT INTO auth_group (name) VALUES (%s)", [name])

    rows = owner.execute(
        "SELECT tx_at = transaction_timestamp(), at - tx_at >= interval '10 ms', at FROM journal_entry "
        "WHERE xid = pg_current_xact_id() ORDER BY id"
    ).fetchall()
    assert [row[:2] for row in rows] == [(True, True), (True, True)]
    assert rows[0][2] < rows[1][2]


# --- A missing month -------------------------------------------------------------------------------------


def drop_all_partitions(connection: psycopg.Connection) -> None:
    """Only an administrator of the cluster can, and only with the guard of the structure switched off."""
    guards = ("genba_command", "genba_drop")
    for guard in guards:
        connection.execute(SQL("ALTER EVENT TRIGGER {} DISABLE").format(Identifier(guard)))
    for name in bounds(connection):
        connection.execute(SQL("DROP TABLE {}").format(Identifier(name)))
    for guard in guards:
        connection.execute(SQL("ALTER EVENT TRIGGER {} ENABLE ALWAYS").format(Identifier(guard)))


def without_partitions() -> None:
    with database.psycopg("admin") as connection:
        drop_all_partitions(connection)


def test_without_a_partition_the_write_fails(db):
    with database.psycopg("admin") as connection:
        drop_all_partitions(connection)
        connection.execute(SQL("SET ROLE {}").format(Identifier(f"{PLANT}_app")))
        connection.execute(SAY, [ACT])

        with pytest.raises(psycopg.errors.CheckViolation, match="no partition of relation"), connection.transaction():
            connection.execute("INSERT INTO auth_group (name) VALUES ('unseen')")

        assert connection.execute("SELECT count(*) FROM auth_group WHERE name = 'unseen'").fetchone() == (0,)
        connection.rollback()


@pytest.mark.django_db(transaction=True)
def test_without_a_partition_the_product_says_fault_not_conflict_and_writes_nothing(as_admin):
    order = factories.work_order(factories.plant())
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(as_admin)
    without_partitions()

    with pytest.raises(JournalUnavailable, match="no partition"):
        update_work_order(work_order_id=order.pk, priority=1, reason=REASON)
    answer = client.patch(f"/api/v1/work-orders/{order.pk}/", {"priority": 1, "reason": REASON})

    assert (answer.status_code, answer.json()["code"]) == (500, "manufacturing_error")
    assert WorkOrder.objects.get(pk=order.pk).priority == 5
    assert WorkOrder.history.filter(id=order.pk).count() == 1


@pytest.mark.django_db(transaction=True)
def test_making_the_partition_is_the_remedy(as_admin):
    order = factories.work_order(factories.plant())
    without_partitions()
    with database.psycopg("app") as connection:
        assert make(connection, 1) == 2
        connection.commit()

    update_work_order(work_order_id=order.pk, priority=1, reason=REASON)

    assert WorkOrder.objects.get(pk=order.pk).priority == 1
