"""The watch over the evidence, in states that are real: each is told once, escalated, and over when it is over."""

import base64
import datetime as dt
import fcntl
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core import mail
from django.utils import timezone

from audit import outbox, watch
from audit import witness as publishing
from audit.checkpoint import SigningKey, parse_text
from audit.models import Heartbeat, Incident, IncidentKind, Outbox
from audit.queries import witnesses
from audit.queries.seal_state import months_ahead, open_transactions, seal_state
from audit.tasks import seal_journal
from audit.verification.report import LOG, Report
from audit.verification.verify import keep
from audit.watch import measure_coverage
from tests import factories
from tests.audit.sealed import KEY, as_administrator, seal_everything
from tests.database import database

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _addresses(settings):
    settings.SECURITY_EMAILS = ["security@example.com"]
    settings.SECURITY_ESCALATION_EMAILS = ["manager@example.com"]


@pytest.fixture
def witness(settings, tmp_path) -> Path:
    """A plant that is well: sealed, verified, its witness told."""
    settings.JOURNAL_WITNESS_FILES = [str(tmp_path / "witness.txt")]
    return tmp_path / "witness.txt"


@pytest.fixture
def unhurried(monkeypatch):
    """What the installation wrote into this database has waited for its seal since the tests began."""
    monkeypatch.setattr(watch, "LAG_ALARM", dt.timedelta(days=1))


@pytest.fixture
def well(as_admin, witness) -> Path:
    factories.plant()
    keep(intact(), timezone.now())
    seal_everything(witness)
    return witness


def intact() -> Report:
    report = Report()
    report.asked = ["log", "records", "database"]
    return report


def kinds() -> list[str]:
    return [alarm.kind for alarm in watch.watch()]


def standing() -> str:
    return Heartbeat.objects.get(name=watch.WATCH).facts["witnesses"][0]["standing"]


def open_incidents() -> list[tuple[str, str]]:
    return list(Incident.objects.filter(ended_at=None).values_list("kind", "subject"))


def test_of_a_plant_that_is_well_nobody_is_told_and_the_witness_agrees(well):
    assert kinds() == []

    assert standing() == "agrees"
    assert not Outbox.objects.exists()
    assert Heartbeat.objects.get(name=watch.WATCH).at > timezone.now() - dt.timedelta(minutes=1)


def test_entries_that_are_not_sealed_for_five_minutes_are_told_once_and_escalated(well, monkeypatch):
    factories.line("NEW")
    assert kinds() == []

    monkeypatch.setattr(watch, "LAG_ALARM", dt.timedelta(0))
    assert kinds() == kinds() == ["seal_lag"]

    assert open_incidents() == [("seal_lag", "")]
    (message,) = Outbox.objects.all()
    assert (message.urgent, message.payload["alarm"], message.payload["pending"]) == (True, "seal_lag", 1)
    outbox.dispatch()
    assert (mail.outbox[0].to, mail.outbox[0].subject) == (
        ["security@example.com"],
        "The audit trail is not being sealed",
    )
    assert "/audit/integrity/" in mail.outbox[0].body
    with factories.arranging():
        Outbox.objects.update(made_at=timezone.now() - outbox.ESCALATED_AFTER)
    outbox.dispatch()
    outbox.dispatch()
    assert mail.outbox[1].to == ["manager@example.com"]


def test_an_incident_is_over_when_its_cause_is_and_the_next_is_another(well, monkeypatch):
    monkeypatch.setattr(watch, "LAG_ALARM", dt.timedelta(0))
    factories.line("NEW")
    watch.watch()
    seal_everything(well)

    monkeypatch.setattr(watch, "LAG_ALARM", dt.timedelta(minutes=5))
    assert kinds() == []
    assert open_incidents() == []
    assert Incident.objects.get().ended_at

    monkeypatch.setattr(watch, "LAG_ALARM", dt.timedelta(0))
    watch.watch()
    assert Outbox.objects.count() == 2


def test_two_watches_at_once_tell_once(well, monkeypatch):
    """The second has looked before the first wrote: the database decides."""
    monkeypatch.setattr(watch, "LAG_ALARM", dt.timedelta(0))
    factories.line("NEW")
    watch.watch()
    alarm = watch.Alarm(IncidentKind.SEAL_LAG, "", {"oldest": "", "pending": 1, "size": 1})

    with watch.act_as(watch.Watch(), source="test"):
        watch._open(alarm)

    assert (Incident.objects.count(), Outbox.objects.count()) == (1, 1)


class TestWitness:
    def test_that_is_gone(self, well):
        well.unlink()

        assert kinds() == ["witness"]
        assert standing() == "unreachable"
        assert open_incidents() == [("witness", str(well))]

    def test_that_hangs_is_left_behind_and_asked_no_second_time(self, well, settings, monkeypatch):
        pipe = well.parent / "pipe"
        os.mkfifo(pipe)  # opening it waits for a writer that never comes, as a dead share does
        settings.JOURNAL_WITNESS_FILES = [str(pipe)]
        monkeypatch.setattr(witnesses, "ANSWERS_WITHIN", 0.1)

        assert kinds() == ["witness"]
        reader = witnesses._hanging[str(pipe)]
        assert kinds() == ["witness"]
        assert witnesses._hanging[str(pipe)] is reader
        assert "no answer" in Heartbeat.objects.get(name=watch.WATCH).facts["witnesses"][0]["error"]
        pipe.write_text("")  # lets the reader go
        reader.join(5)

    def test_that_hangs_when_written_keeps_nobody_from_sealing_and_is_told(self, well, settings, monkeypatch):
        monkeypatch.setattr(publishing, "WRITES_WITHIN", 2.0)
        monkeypatch.setattr(witnesses, "ANSWERS_WITHIN", 0.1)
        pipe = well.parent / "pipe"
        os.mkfifo(pipe)  # opening it waits for a reader that never comes, as a dead share does
        settings.JOURNAL_WITNESS_FILES = [str(pipe), str(well)]
        settings.JOURNAL_KEY = base64.b64encode(b"\x01" * 32).decode()
        settings.JOURNAL_ORIGIN = KEY.name
        settings.DATABASE_SEALER_URL = database.urls["sealer"]
        factories.line("NEW")

        added = 0
        while not added:  # transactions of other databases of the cluster may hold it back
            added = seal_journal()

        assert seal_state().pending == 0
        assert parse_text(publishing.last_note(well).partition("\n\n")[0] + "\n").size == seal_state().size
        assert kinds() == ["witness"]
        assert open_incidents() == [("witness", str(pipe))]
        for writer in publishing._left_behind:
            writer.wait(5)
        pipe.write_text("")  # lets the reader of the watch go
        witnesses._hanging[str(pipe)].join(5)

    def test_that_hangs_when_written_is_sent_no_second_writer_until_the_first_is_gone(self, tmp_path, monkeypatch):
        """However many processes seal: a writer that is killed and does not die holds its lock, as this one does."""
        file = tmp_path / "witness.txt"
        with publishing._lock_file(file) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert publishing.publish("one", [file]) == [file]
            assert not file.exists()

        assert publishing.publish("two", [file]) == []
        assert file.read_text() == "two"

    def test_that_cannot_be_written_is_named(self, tmp_path):
        nowhere, file = tmp_path / "nowhere" / "witness.txt", tmp_path / "witness.txt"

        assert publishing.publish("note", [nowhere, file]) == [nowhere]
        assert file.read_text() == "note"

    def test_that_does_not_receive_new_checkpoints(self, well, monkeypatch):
        factories.line("NEW")
        seal_everything()  # to nobody
        assert kinds() == []  # it may still come

        monkeypatch.setattr(witnesses, "BEHIND_AFTER", dt.timedelta(0))
        assert kinds() == ["witness"]
        assert standing() == "behind"

    def test_that_saw_more_than_there_is(self, well, unhurried):
        as_administrator(
            "DELETE FROM journal_checkpoint WHERE size = (SELECT max(size) FROM journal_checkpoint)",
            "INSERT INTO journal_checkpoint SELECT 1, 1, hash, '1', now(), 'x' FROM journal_leaf WHERE idx = 0",
        )

        assert kinds() == ["witness"]
        assert standing() == "regression"

    def test_that_saw_another_log(self, well):
        rebuild()

        assert kinds() == ["witness"]
        assert standing() == "differs"

    def test_whose_key_is_another(self, well):
        other = SigningKey(KEY.name, Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))
        as_administrator("UPDATE journal_epoch SET public_key = %(key)s", key=other.public.text)

        assert kinds() == ["witness"]
        assert standing() == "other_key"

    def test_two_are_two_incidents(self, well, settings):
        settings.JOURNAL_WITNESS_FILES = [str(well), "/nowhere/a.txt", "/nowhere/b.txt"]

        assert kinds() == ["witness", "witness"]
        assert Outbox.objects.count() == 2


def rebuild() -> None:
    """An administrator who holds the key changes an entry and makes every seal anew."""
    as_administrator(
        "TRUNCATE journal_checkpoint, journal_node, journal_leaf, journal_epoch",
        "UPDATE journal_entry SET actor_name = 'Somebody else' WHERE id = (SELECT min(id) FROM journal_entry)",
    )
    seal_everything()


class TestVerification:
    def test_that_found_something_is_told_until_another_finding_comes(self, well):
        report = intact()
        report.add(LOG, "entry_altered", "not what was sealed", "work_orders", "17", "quantity")
        keep(report, timezone.now())
        assert kinds() == ["verification"]
        keep(report, timezone.now())  # the next night, the same
        assert kinds() == ["verification"]
        assert Outbox.objects.count() == 1
        assert "work_orders" in outbox.composed(Outbox.objects.get()).body

        report.add(LOG, "entry_removed", "gone", "work_orders", "18")
        keep(report, timezone.now())
        watch.watch()
        assert Outbox.objects.count() == 2
        keep(intact(), timezone.now())
        assert kinds() == []

    def test_that_did_not_run(self, well, monkeypatch):
        monkeypatch.setattr(watch, "VERIFIED_WITHIN", dt.timedelta(0))

        assert kinds() == ["verification"]
        assert outbox.composed(Outbox.objects.get()).subject == "The audit trail was not verified"


def test_a_journal_without_a_month_ahead(well):
    assert kinds() == []
    now = timezone.now()
    with database.psycopg("admin") as admin:
        for n in (1, 2, 3):
            month = (now.year * 12 + now.month - 1) + n
            admin.execute(f"DROP TABLE journal_entry_y{month // 12:04d}m{month % 12 + 1:02d}")

    assert kinds() == ["partitions"]
    assert "every change will be refused" in outbox.composed(Outbox.objects.get()).body


def test_months_count_only_without_a_gap():
    def month(year: int, number: int) -> dt.datetime:
        return dt.datetime(year + (number - 1) // 12, (number - 1) % 12 + 1, 1, tzinfo=dt.UTC)

    bounds = [(month(2026, n), month(2026, n + 1)) for n in (10, 11, 12, 13, 15)]
    found = months_ahead(bounds, dt.datetime(2026, 11, 20, tzinfo=dt.UTC))

    assert (found.ahead, found.until) == (2, month(2026, 14))
    assert months_ahead(bounds, dt.datetime(2026, 9, 1, tzinfo=dt.UTC)).until is None


def test_one_question_that_fails_silences_no_other(well, monkeypatch, settings):
    monkeypatch.setattr(watch, "LAG_ALARM", dt.timedelta(0))
    factories.line("NEW")
    watch.watch()

    def broken():
        raise RuntimeError("the catalogue is locked")

    monkeypatch.setattr(watch, "seal_state", broken)
    settings.JOURNAL_WITNESS_FILES = ["/nowhere/a.txt"]
    monkeypatch.setattr(watch, "_is_new_plant", lambda _state: False)

    assert kinds() == ["witness"]
    assert ("seal_lag", "") in open_incidents()  # not known to be over


def test_a_transaction_that_holds_the_seals_back_is_named(well, monkeypatch):
    from audit.queries import seal_state as module

    monkeypatch.setattr(module, "LONG", dt.timedelta(0))
    with database.psycopg("app") as writer:
        writer.execute("SELECT pg_current_xact_id()")

        (found,) = [each for each in open_transactions() if each.pid == writer.info.backend_pid]
        assert (found.state, found.since is not None) == ("idle in transaction", True)
    with database.psycopg("owner") as other:  # of another role: that it writes is seen, not since when
        other.execute("SELECT pg_current_xact_id()")

        (found,) = [each for each in open_transactions() if each.pid == other.info.backend_pid]
        assert (found.user, found.since) == ("genbatest_owner", None)


def test_coverage_is_measured_and_kept_and_not_again_at_once(as_admin, monkeypatch):
    plant = factories.plant()
    factories.work_order(plant)

    assert measure_coverage()

    kept = Heartbeat.objects.get(name=watch.COVERAGE)
    assert kept.facts["rows"][0]["table_name"] == "work_orders"
    assert kept.facts["rows"][0]["integrity_coverage_percent"] == "100.00"
    monkeypatch.setattr(watch, "MOST_OF_TIME", 1e9)
    assert not measure_coverage()


def test_before_anything_was_written_there_is_nothing_to_alarm_of(witness, unhurried, db):
    state = seal_state()
    assert (state.epoch, state.note) == (0, "")

    assert kinds() == []
