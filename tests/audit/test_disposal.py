"""Disposing of what is past its years: only that, by whom it may, with a reason, and the journal has each row."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from psycopg.sql import SQL, Identifier

from audit import disposal, retention
from audit.context import act_as
from audit.disposal import dispose, look
from audit.errors import Conflict, InvalidInput, MissingPermission, ReasonRequired, RecordKept
from audit.models import JournalEntry
from audit.verification.verify import verify
from equipment.models import Equipment
from equipment.services.line_assignments import assign_line
from inventory.models import Material
from production.models import Batch
from tests import factories
from tests.audit.journal import entries, last_id
from tests.audit.sealed import as_administrator, codes, seal_everything
from tests.audit.test_retention import AGED, MATERIALS, aged
from tests.database import PLANT, database

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "Past the years of the contract"
TODAY = {"record_type": MATERIALS, "before": timezone.now().date()}


@pytest.fixture
def old(plant) -> Material:
    """One material of which nobody wrote for eight years, in a plant that works."""
    aged(8)
    return Material.objects.get(pk=AGED)


def test_what_is_past_its_years_goes_and_nothing_else_and_the_journal_has_the_row(old, as_admin):
    start, others = last_id(), Material.objects.exclude(pk=AGED).count()
    assert look(**TODAY).gone == 1
    assert entries(start) == []

    done = dispose(**TODAY, reason=WHY, expected=1)

    assert (done.gone, done.is_all) == (1, True)
    assert Material.objects.count() == others
    (entry,) = [each for each in entries(start) if each["table_name"] == MATERIALS]
    kept = JournalEntry.objects.filter(table_name=MATERIALS, pk_text=AGED, op="D").get()
    assert (entry["op"], kept.reason_code, kept.reason, kept.actor_name) == (
        "D",
        "delete_past_retention",
        WHY,
        as_admin.printed_name,
    )
    assert Material.history.filter(id=AGED).get().history_type == "-"
    seal_everything()
    assert "no_history" not in codes(verify())


def test_the_day_can_only_keep_more(old):
    assert look(record_type=MATERIALS, before=timezone.now().date() - dt.timedelta(days=9 * 366)).gone == 0
    retention.set_policy(record_type=MATERIALS, years=10, basis="Contract")

    assert look(**TODAY).gone == 0
    with pytest.raises(InvalidInput, match="future"):
        look(record_type=MATERIALS, before=timezone.now().date() + dt.timedelta(days=2))


def test_what_others_point_at_stays_and_is_counted(old, plant, as_admin):
    factories.records.create(Batch(batch_number="B-OLD", product=old))

    found = look(**TODAY)

    assert (found.gone, found.needed, +found.needed_by) == (0, 1, {Batch._meta.db_table: 1})
    assert dispose(**TODAY, reason=WHY, expected=0).needed == 1
    assert Material.objects.filter(pk=AGED).exists()


def test_what_the_account_does_not_see_stays_and_is_counted(plant, as_admin, user_of):
    machine, elsewhere = plant.machine, factories.line()
    with database.psycopg("admin") as admin:
        admin.execute(SQL("SET ROLE {}").format(Identifier(f"{PLANT}_journal")))
        admin.execute("SELECT journal_make_partition((now() - interval '8 years')::date)")
    as_administrator(
        "UPDATE journal_entry SET tx_at = now() - interval '8 years' WHERE pk = %(key)s",
        "UPDATE equipment_equipment SET created_at = now() - interval '8 years' WHERE id = %(key)s::uuid",
        key=str(machine.pk),
    )
    asked = {"record_type": Equipment._meta.db_table, "before": timezone.now().date()}
    quality = user_of("qa_manager")
    assign_line(user_id=quality.pk, line_id=elsewhere.pk)

    with act_as(quality, source="test"):
        found = look(**asked)
        assert (found.gone, found.out_of_sight) == (0, 1)
        dispose(**asked, reason=WHY, expected=0)
    assert Equipment.objects.filter(pk=machine.pk).exists()
    assert look(**asked).gone == 1


def test_a_hold_on_one_record_keeps_it_and_on_the_type_everything(old):
    hold = retention.place_hold(record_type=MATERIALS, record_key=AGED, reason="Complaint 2026-17")
    assert (look(**TODAY).gone, look(**TODAY).held) == (0, 1)
    retention.lift_hold(hold_id=hold.pk, reason="Complaint closed")

    retention.place_hold(record_type=MATERIALS, reason="Complaint 2026-18")
    with pytest.raises(Conflict, match="keeps every record of this type"):
        dispose(**TODAY, reason=WHY, expected=1)
    assert Material.objects.filter(pk=AGED).exists()


def test_a_hold_placed_in_between_is_seen_by_the_database(old, monkeypatch):
    monkeypatch.setattr(disposal, "_held", lambda *_: set())
    retention.place_hold(record_type=MATERIALS, record_key=AGED, reason="Complaint 2026-18")

    with pytest.raises(RecordKept, match="legal hold"):
        dispose(**TODAY, reason=WHY, expected=1)
    assert Material.objects.filter(pk=AGED).exists()


@pytest.mark.parametrize("reason", ["", ".", "ok"])
def test_without_a_reason_nothing_goes(old, reason):
    with pytest.raises(ReasonRequired):
        dispose(**TODAY, reason=reason, expected=1)

    assert Material.objects.filter(pk=AGED).exists()


def test_another_number_than_was_shown_is_refused(old):
    with pytest.raises(Conflict, match="would go is 1 now, not 2"):
        dispose(**TODAY, reason=WHY, expected=2)

    assert Material.objects.filter(pk=AGED).exists()


@pytest.mark.parametrize(("role", "may"), [("qa_manager", True), ("planner", False), ("auditor", False)])
def test_it_is_the_quality_managers(old, as_role, role, may):
    with as_role(role):
        if may:
            assert look(**TODAY).gone == 1
        else:
            with pytest.raises(MissingPermission):
                look(**TODAY)


@pytest.mark.parametrize("table", ["journal_entry", "audit_signature", "quality_measurement", "accounts_user_groups"])
def test_the_journal_evidence_and_what_is_written_once_are_never_disposed_of(old, table):
    with pytest.raises(InvalidInput, match="not disposed of one by one"):
        dispose(record_type=table, before=timezone.now().date(), reason=WHY, expected=0)


def test_a_run_ends_and_the_next_goes_on(old, monkeypatch):
    monkeypatch.setattr(disposal, "AT_ONCE", 2)
    columns = ", ".join(f.column for f in Material._meta.concrete_fields if f.column not in ("id", "product_code"))
    as_administrator(
        f"INSERT INTO {MATERIALS} (id, product_code, {columns}) SELECT gen_random_uuid(), 'AGED-' || n, {columns}"
        f" FROM generate_series(1, 6) n, {MATERIALS} WHERE product_code = 'AGED'"
    )
    seen = look(**TODAY, most=5)
    assert (seen.gone, seen.is_all) == (5, False)

    assert dispose(**TODAY, reason=WHY, expected=5, most=5).is_all is False
    assert dispose(**TODAY, reason=WHY, expected=2, most=5).is_all is True
    assert not Material.objects.filter(product_code__startswith="AGED").exists()


def test_the_command_lists_shows_and_disposes_of_the_number_it_showed(old, as_admin, capsys):
    def said(*more: str) -> str:
        call_command("retention_due", *more, "--user", as_admin.username)
        return capsys.readouterr().out

    assert f"{MATERIALS}: 1 past 7 years (Material" in said()
    which = ("--type", MATERIALS, "--before", "2026-01-01")
    assert "1 would be disposed of" in said(*which)
    with pytest.raises(CommandError, match="Say why"):
        said(*which, "--dispose", "1")
    assert "1 were disposed of" in said(*which, "--dispose", "1", "--reason", WHY)
    assert "Nothing is past its years." in said()
    with pytest.raises(CommandError, match="go together"):
        said("--type", MATERIALS)
