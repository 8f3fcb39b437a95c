"""Whose act a change is and why: attribution inside and across transactions, refusals, and what a rollback leaves."""

import threading
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from django.db import DatabaseError, connection, transaction

from audit import records
from audit.context import Installation, act_as
from audit.errors import JournalUnavailable, ReasonRequired, UnattributedWrite
from audit.journal import change
from equipment.models import Area, ReasonCode, Site
from tests import factories
from tests.audit.journal import REASON, entries, last_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def area(as_admin) -> Area:
    return records.create(Area(site=factories.site(), code="A1", name="Hall 1"))


@pytest.fixture
def start(area) -> int:
    return last_id()


def rename(area: Area, name: str) -> None:
    """A write that says nothing about who or why."""
    Area.objects.filter(pk=area.pk).update(name=name)


def told() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('genba.act', true)")
        return cursor.fetchone()[0] or ""


def state_of_refusal(write: Callable[..., None], *args: object) -> str:
    """The SQLSTATE with which the database refuses, outside any `change()` that would translate it."""
    savepoint = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with pytest.raises(DatabaseError) as caught, savepoint:
        write(*args)
    return caught.value.__cause__.sqlstate


class Interrupted(Exception):
    """What a test raises to undo."""


def rename_told(area: Area, *, act: str) -> None:
    with change("update_record", REASON):
        connection.tell(act)
        rename(area, "Not written")


def rename_and_fail(area: Area, *, seen: Callable[[], bool] = lambda: True) -> None:
    with change("update_record", REASON):
        rename(area, "undone")
        assert seen()
        raise Interrupted


def change_and_fail(area: Area) -> None:
    with change("update_record", REASON):
        rename(area, "undone")
    raise Interrupted


def names(after: int) -> list[tuple[str, str]]:
    return [(entry["actor_name"], entry["new"]["name"]) for entry in entries(after, table="equipment_area")]


# --- Who -------------------------------------------------------------------------------------------------


def test_without_an_act_nothing_is_written(area):
    assert state_of_refusal(rename, area, "Nobody's") == "GB401"

    area.refresh_from_db()
    assert area.name == "Hall 1"


def test_a_change_without_an_act_does_not_even_start(db):
    with pytest.raises(UnattributedWrite), change("update_record", REASON):
        pytest.fail("not reached")


def test_an_act_the_database_was_not_told_of_is_a_fault_not_a_refusal(area, start):
    with pytest.raises(UnattributedWrite, match="no actor"):
        rename_told(area, act="")

    assert entries(start) == []


def test_an_act_without_a_name_is_no_act(area, as_role, start):
    with as_role("planner") as nameless:
        nameless.printed_name = nameless.username = ""
        with pytest.raises(UnattributedWrite), change("update_record", REASON):
            rename(area, "Nobody's")

    assert names(start) == []


def test_acts_inside_each_other_in_one_transaction_keep_their_rows_apart(area, as_role, start):
    with as_role("planner"), change("update_record", REASON):
        rename(area, "outer 1")
        with as_role("supervisor"), change("update_record", REASON):
            rename(area, "inner")
        rename(area, "outer 2")

    assert names(start) == [("Test planner", "outer 1"), ("Test supervisor", "inner"), ("Test planner", "outer 2")]
    assert len({entry["request_id"] for entry in entries(start, table="equipment_area")}) == 2


def test_a_change_inside_another_keeps_the_code_and_reason_of_the_whole(area, start):
    with change("release", REASON), change("update_record", "another reason"):
        rename(area, "inside")

    (entry,) = entries(start)
    assert (entry["reason_code"], entry["reason"]) == ("release", REASON)


def test_the_installation_acts_under_its_name_and_no_key(area, start):
    with act_as(Installation(), source="installation"), change("set_up"):
        rename(area, "set up")

    (entry,) = entries(start)
    assert (entry["actor_id"], entry["actor_type"]) == (None, "system")
    assert entry["actor_name"] == "Genba (installation)"


def test_the_name_is_the_one_of_the_day(area, as_role, start):
    with as_role("planner") as planner:
        with change("update_record", REASON):
            rename(area, "before")
        planner.printed_name = "Planner, married"
        with change("update_record", REASON):
            rename(area, "after")

    assert names(start) == [("Test planner", "before"), ("Planner, married", "after")]


@pytest.mark.parametrize(
    "text", ["it's 100 %", 'say "yes"', "C:\\u0000\\", "x'); DROP TABLE journal_entry; --", "$$ %s {} 改行\n", "a\0b"]
)
def test_a_reason_is_kept_as_it_was_typed(area, start, text):
    with change("update_record", f"why {text}"):
        rename(area, "changed")

    (entry,) = entries(start)
    assert entry["reason"] == f"why {text}".replace("\0", "")  # no text in PostgreSQL holds NUL


# --- Why -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason",
    ["", " ", ".", "...", "ok", "OK!", " ok\n", "o.k.", "ｏｋ", "xx", "xxxx", "12345", "n/a", "N.A.", "変更", "変更。"],
)
@pytest.mark.parametrize("code", ["update_record", "void_report", "delete_record"])
def test_a_reason_that_says_nothing_is_refused_and_nothing_changed(area, start, code, reason):
    with pytest.raises(ReasonRequired) as refusal, change(code, reason):
        rename(area, "No reason")

    area.refresh_from_db()
    assert refusal.value.code == "reason_required"
    assert set(refusal.value.fields) == {"reason"}
    assert area.name == "Hall 1"
    assert entries(start) == []


@pytest.mark.parametrize("reason", ["Werkzeugwechsel", "直径が違う", "new jig", "OK after rework", "Nr. 7 neu", "治具"])
def test_a_reason_in_words_is_enough(area, start, reason):
    with change("update_record", reason):
        rename(area, "Changed")

    (entry,) = entries(start)
    assert (entry["reason_code"], entry["reason"]) == ("update_record", reason)


def test_a_code_that_names_the_step_is_reason_enough(area, start):
    with change("release"):
        rename(area, "Released")

    assert [entry["reason_code"] for entry in entries(start)] == ["release"]


def test_what_is_there_is_not_changed_without_a_code(area, as_admin):
    with act_as(as_admin, source="test"), transaction.atomic():
        connection.tell('{"name": "Somebody", "source": "test"}')
        assert state_of_refusal(rename, area, "No code") == "GB422"
        connection.tell("")


def test_a_new_row_needs_a_person_and_no_reason(area, start):
    records.create(Area(site=area.site, code="A2", name="Hall 2"))

    (entry,) = entries(start)
    assert (entry["op"], entry["reason"]) == ("I", "")


def test_a_service_asks_for_the_reason_of_an_edit(area, start):
    with pytest.raises(ReasonRequired):
        records.update(area, name="No reason")

    assert entries(start) == []
    assert Area.history.filter(id=area.pk).count() == 1  # no readable history either of what did not happen


def test_a_delete_wants_a_reason_too(as_admin):
    reason = factories.reason("stop")
    with pytest.raises(ReasonRequired), change("delete_record"):
        ReasonCode.objects.filter(pk=reason.pk).delete()

    assert ReasonCode.objects.filter(pk=reason.pk).exists()


# --- What a rollback leaves ------------------------------------------------------------------------------


def test_a_rollback_leaves_no_entry(area, start):
    with pytest.raises(Interrupted):
        rename_and_fail(area, seen=lambda: len(entries(start)) == 1)

    assert entries(start) == []


def test_a_savepoint_rolled_back_leaves_no_entry_and_the_act_as_it_was(area, as_role, start):
    with as_role("planner"), change("update_record", REASON):
        rename(area, "kept")
        with as_role("supervisor"), pytest.raises(Interrupted):
            rename_and_fail(area)
        rename(area, "kept too")

    assert names(start) == [("Test planner", "kept"), ("Test planner", "kept too")]


def test_a_statement_the_database_refused_leaves_the_act_as_it_was(area, as_role, start):
    with as_role("planner"), change("update_record", REASON):
        with as_role("supervisor"), pytest.raises(DatabaseError), change("update_record", REASON):
            rename(area, None)
        rename(area, "kept")

    assert names(start) == [("Test planner", "kept")]


def test_a_savepoint_around_a_finished_change_takes_its_entry_and_leaves_the_act(area, as_role, start):
    with as_role("planner"), change("update_record", REASON):
        with as_role("supervisor"), pytest.raises(Interrupted), transaction.atomic():
            change_and_fail(area)
        rename(area, "kept")

    assert names(start) == [("Test planner", "kept")]


def test_after_a_change_the_running_transaction_is_nobodys_again(area):
    with transaction.atomic():
        with change("update_record", REASON):
            rename(area, "Somebody's")
        assert told() == ""
        assert state_of_refusal(rename, area, "Nobody's") == "GB401"


# --- One connection, many requests -----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_act_ends_with_its_transaction(as_admin):
    area = records.create(Area(site=factories.site(), code="A1", name="Hall 1"))
    start = last_id()
    with change("update_record", REASON):
        rename(area, "Somebody's")

    assert told() == ""
    # outside a transaction there is nothing to tell an act to
    assert state_of_refusal(rename, area, "Nobody's") == "GB401"
    assert names(start) == [("Test admin", "Somebody's")]


@pytest.mark.django_db(transaction=True)
def test_a_request_leaves_nothing_behind_on_the_connection(signed_in, as_admin):
    order = factories.work_order(factories.plant(), status="planned")
    client = signed_in("supervisor")
    start = last_id()

    answer = client.post(f"/orders/{order.pk}/cancel/", {"reason": "Customer gone"})

    assert answer.status_code in (200, 302)
    assert {entry["actor_name"] for entry in entries(start)} == {"Test supervisor"}
    assert told() == ""
    assert state_of_refusal(lambda: Site.objects.update(name="Nobody's")) == "GB401"


@pytest.mark.django_db(transaction=True)
def test_two_people_writing_at_once_are_told_apart(as_role):
    with as_role("planner"):
        area = records.create(Area(site=factories.site(), code="A1", name="Hall 1"))
        other = records.create(Area(site=area.site, code="A2", name="Hall 2"))
        start = last_id()

        def supervisor_renames() -> None:
            try:
                with as_role("supervisor"), change("update_record", REASON):
                    rename(other, "theirs")
            finally:
                connection.close()

        with change("update_record", REASON):
            rename(area, "mine 1")
            thread = threading.Thread(target=supervisor_renames)
            thread.start()
            thread.join(10)
            rename(area, "mine 2")

    assert names(start) == [("Test planner", "mine 1"), ("Test supervisor", "theirs"), ("Test planner", "mine 2")]


def test_a_missing_journal_is_a_fault_and_never_a_conflict(area):
    """A check the journal itself breaks must not read like a rule of the record (409)."""
    act = '{"name": "Somebody", "source": null, "type": "user", "request": null, "version": "0", "code": "c"}'
    with pytest.raises(JournalUnavailable):
        rename_told(area, act=act)

    area.refresh_from_db()
    assert area.name == "Hall 1"


def test_histories_carry_the_request_of_their_change(as_admin):
    with act_as(as_admin, source="test") as one:
        area = records.create(Area(site=factories.site(), code="A1", name="Hall 1"))
        records.create_many([Area(site=area.site, code=f"B{n}", name="In bulk") for n in range(2)])
    with act_as(as_admin, source="test") as other:
        records.update(area, name="Hall 1a", reason=REASON)

    assert [row.act_id for row in area.history.order_by("history_id")] == [one.id, other.id]
    assert set(Area.history.filter(code__startswith="B").values_list("act_id", flat=True)) == {one.id}
