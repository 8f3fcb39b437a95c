"""Can the records be trusted now? The page and the API answer from the same facts, at the same price for any plant."""

import base64
import datetime as dt
import json

import pytest
import redis
from celery import Celery
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit import watch
from audit.models import Heartbeat, JournalEntry
from audit.queries import health as module
from audit.tasks import verify_journal
from audit.verification.report import LOG, Report
from audit.verification.verify import keep
from equipment.services.line_assignments import assign_line
from mfg_project.trail import integrity
from tests import factories
from tests.audit.sealed import seal_everything

pytestmark = pytest.mark.django_db(transaction=True)
PAGE, API = "/audit/integrity/", "/api/v1/audit/integrity/"


def kept(report: Report | None = None) -> None:
    report = report or Report()
    report.asked = ["log", "records", "database"]
    keep(report, timezone.now())


def asked(message: dict) -> tuple[str, dict]:
    """The task a message of the queue names, and what it tells it."""
    _args, kwargs, _more = json.loads(base64.b64decode(message["body"]))
    return message["headers"]["task"], kwargs


@pytest.fixture
def well(as_admin, settings, tmp_path):
    settings.JOURNAL_WITNESS_FILES = [str(tmp_path / "witness.txt")]
    settings.SECURITY_EMAILS = ["security@example.com"]
    plant = factories.plant()
    factories.work_order(plant, status="released")
    kept()
    seal_everything(tmp_path / "witness.txt")
    watch.watch()
    watch.measure_coverage()
    return plant


@pytest.fixture
def auditor(client, user_of, well):
    client.force_login(user_of("auditor"))
    seal_everything()
    return client


def answer(client) -> tuple[str, list[str]]:
    found = client.get(API).json()
    return found["level"], [reason["code"] for reason in found["reasons"]]


def test_a_plant_that_is_well_is_answered_with_yes(auditor):
    page = auditor.get(PAGE).content.decode()

    assert "Yes. The records can be trusted." in page
    assert answer(auditor) == ("good", [])
    assert "100.00" in page
    assert "witness.txt" in page
    assert "django_celery_beat.PeriodicTask" in page  # not in the journal, with the reason


def test_the_api_says_what_the_page_says(auditor):
    found = auditor.get(API).json()

    assert found["seals"]["pending"] == 0
    assert found["seals"]["size"] == found["seals"]["sealed_in_all"] > 0
    assert found["verification"]["log"] == "intact"
    assert [each["standing"] for each in found["witnesses"]] == ["agrees"]
    assert found["coverage"]["rows"][0]["integrity_coverage_percent"] == "100.00"
    assert found["partitions"]["ahead"] == 3
    assert found["excess_of_rights"] == []
    assert found["review"]["is_overdue"] is False


class TestReasons:
    def test_a_finding_is_no_and_leads_to_the_record(self, auditor, well):
        report = Report()
        report.add(LOG, "entry_altered", "entry 7 is not what was sealed", "production_lines", str(well.line.pk), "x")
        kept(report)
        seal_everything()

        page = auditor.get(PAGE).content.decode()

        assert "No. Do not rely on the records" in page
        assert f"/audit/production_lines/{well.line.pk}/" in page
        assert answer(auditor) == ("bad", ["altered"])

    def test_entries_that_wait(self, auditor, monkeypatch):
        factories.line("NEW")
        assert answer(auditor) == ("good", [])

        monkeypatch.setattr(module, "LAG_NOTICED", dt.timedelta(0))
        assert answer(auditor) == ("attention", ["seal_late"])
        monkeypatch.setattr(module, "LAG_ALARM", dt.timedelta(0))
        assert answer(auditor) == ("bad", ["not_sealed"])

    def test_a_worker_that_does_not_report(self, auditor):
        Heartbeat.objects.update(at=timezone.now() - dt.timedelta(hours=3))

        assert answer(auditor) == ("attention", ["watch_silent", "coverage_unknown"])

    def test_what_was_never_asked_is_unknown_in_a_plant_just_begun_and_silence_in_one_that_is_older(
        self, auditor, monkeypatch
    ):
        Heartbeat.objects.all().delete()
        monkeypatch.setattr(module, "WATCH_SILENT_AFTER", dt.timedelta(days=1))
        assert answer(auditor) == ("attention", ["first_look"])
        page = auditor.get(PAGE).content.decode()
        assert page.count("Not yet looked: the first look comes within a minute.") == 2  # the reason, and its card
        assert "No witness file is named" not in page
        assert "Nobody" not in page

        monkeypatch.setattr(module, "WATCH_SILENT_AFTER", dt.timedelta(0))
        assert answer(auditor) == ("attention", ["watch_silent", "coverage_unknown"])
        page = auditor.get(PAGE).content.decode()
        assert "Nobody watches" in page
        assert "Nobody has asked them yet." in page

    def test_a_plant_without_witness(self, auditor, settings):
        settings.JOURNAL_WITNESS_FILES = []
        watch.watch()

        assert answer(auditor) == ("attention", ["no_witness"])

    def test_a_witness_that_contradicts_and_one_that_is_silent(self, auditor):
        states = [{"path": "a", "standing": "differs"}, {"path": "b", "standing": "unreachable", "error": "gone"}]
        Heartbeat.objects.filter(name=watch.WATCH).update(facts={"witnesses": states})

        assert answer(auditor) == ("bad", ["witness_contradicts", "witness_silent"])

    def test_a_critical_record_without_protection(self, auditor):
        beat = Heartbeat.objects.get(name=watch.COVERAGE)
        beat.facts["rows"][0]["hash_protected_records"] = 0
        beat.facts["pending"] = 0
        beat.save()

        assert answer(auditor) == ("attention", ["coverage"])

    def test_a_review_that_is_overdue(self, auditor, settings):
        settings.TRAIL_REVIEW_DAYS = -1

        assert answer(auditor) == ("attention", ["review_overdue"])
        assert "Overdue" in auditor.get(PAGE).content.decode()

    def test_a_verification_that_could_not_ask_or_did_not_run(self, auditor, monkeypatch):
        keep(Report(), timezone.now())
        seal_everything()
        assert answer(auditor) == ("attention", ["not_checked"])
        page = auditor.get(PAGE).content.decode()
        assert "Not proven. The records have to be verified first." in page
        assert "Yes" not in page.split("verdict-text")[1].split("</p>")[0]

        monkeypatch.setattr(watch, "VERIFIED_WITHIN", dt.timedelta(0))
        assert answer(auditor) == ("attention", ["not_checked", "verification_overdue"])


def test_a_new_plant_says_what_is_missing_and_fails_nowhere(client, user_of):
    client.force_login(user_of("auditor"))

    page = client.get(PAGE)

    assert page.status_code == 200
    assert "Nothing was ever verified." in page.content.decode()
    assert client.get("/audit/checkpoint/").status_code == 200


def test_it_costs_the_same_for_one_entry_and_for_many(auditor, well):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert auditor.get(PAGE).status_code == 200
        return len(seen)

    queries()
    few = queries()
    for _ in range(20):
        factories.work_order(well, status="released")
    kept()
    seal_everything()
    watch.watch()

    assert queries() == few <= 18


def test_the_page_refreshes_itself_by_a_fragment(auditor):
    fragment = auditor.get(PAGE, headers={"HX-Request": "true", "HX-Target": "integrity"}).content.decode()

    assert "<html" not in fragment
    assert "Yes. The records can be trusted." in fragment


def test_only_who_reads_the_whole_trail_may_ask(client, user_of, well):
    client.force_login(user_of("operator"))
    assert (client.get(PAGE).status_code, client.get(API).status_code) == (403, 403)

    limited = user_of("auditor")
    with factories.arranging():
        assign_line(user_id=limited.pk, line_id=well.line.pk)
    client.force_login(limited)
    assert (client.get(PAGE).status_code, client.get(API).status_code) == (403, 403)


def test_an_alarm_is_read_and_acknowledged_on_the_security_page(client, user_of, well, monkeypatch):
    monkeypatch.setattr(watch, "LAG_ALARM", dt.timedelta(0))
    factories.line("NEW")
    watch.watch()
    client.force_login(user_of("qa_manager"))

    page = client.get("/accounts/security/")
    (notice,) = page.context["waiting"]
    assert "The audit trail is not being sealed" in page.content.decode()
    assert "not acknowledged" in client.get(PAGE).content.decode()

    client.post(f"/accounts/security/notices/{notice['message'].pk}/acknowledge/")
    assert "Nothing waits to be acknowledged." in client.get("/accounts/security/").content.decode()


class TestVerifyNow:
    @pytest.fixture
    def queue(self, settings):
        """The messages for the worker; what a test leaves there is taken back."""
        name = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] + "celery"
        with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
            before = broker.llen(name)
            yield lambda: [asked(json.loads(found)) for found in broker.lrange(name, 0, -1)]
            broker.ltrim(name, -before, -1) if before else broker.delete(name)

    def test_it_is_given_to_the_worker(self, client, user_of, queue):
        client.force_login(user_of("qa_manager"))

        answer = client.post(f"{PAGE}verify/", follow=True)

        assert answer.redirect_chain == [(PAGE, 302)]
        assert "The verification was handed to the worker" in answer.content.decode()
        assert queue()[0][0] == "audit.verify"

    def test_the_journal_says_for_whom_the_worker_did_it(self, client, user_of, queue):
        manager = user_of("qa_manager")
        client.force_login(manager)
        client.post(f"{PAGE}verify/")
        _task, told = queue()[0]

        verify_journal(**told)
        verify_journal()  # of the night

        entries = JournalEntry.objects.filter(table_name="audit_verificationrun", op="I").order_by("id")
        whose = f"{manager.printed_name} ({manager.username})"
        assert [(e.actor_name, e.on_behalf_of) for e in entries] == [
            ("Genba (verification)", whose),
            ("Genba (verification)", None),
        ]
        client.force_login(user_of("auditor"))
        assert f"for {whose}" in client.get("/audit/", {"type": "audit_verificationrun"}).content.decode()

    def test_a_reader_does_not_start_one(self, client, user_of, queue):
        client.force_login(user_of("auditor"))

        assert client.post(f"{PAGE}verify/").status_code == 403
        assert "Verify now" not in client.get(PAGE).content.decode()

    def test_without_a_broker_it_says_so(self, client, user_of, monkeypatch):
        gone = Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)

        @gone.task(name="audit.verify")
        def never(asked_by: str) -> None: ...

        monkeypatch.setattr(integrity, "verify_journal", never)
        client.force_login(user_of("qa_manager"))

        page = client.post(f"{PAGE}verify/", follow=True).content.decode()

        assert "The worker cannot be reached. Nothing was started" in page
