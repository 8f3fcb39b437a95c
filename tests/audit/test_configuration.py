"""Settings of the environment: noted when they change, once, without a secret, and never in the way of a start."""

import re
import threading

import pytest
from django.db import connection
from django.urls import reverse

from audit import configuration
from audit.configuration import begin, changes_in, effective, note_configuration, settings_in
from audit.models import JournalEntry, SecurityEvent
from mfg_project.settings import BASE_DIR
from tests.database import database

pytestmark = pytest.mark.django_db(transaction=True)
HIDDEN = "do-not-tell-0123456789"


def events() -> list[SecurityEvent]:
    return list(SecurityEvent.objects.filter(kind="configured").order_by("id"))


def test_what_a_process_begins_with_is_noted_once_and_again_when_it_changed(settings, django_assert_num_queries):
    first = note_configuration("worker")
    assert changes_in(first) == ["The first note of this kind of process."]
    assert settings_in(first) == effective()
    with django_assert_num_queries(1):
        assert note_configuration("worker") is None

    settings.LOCKOUT_FAILURES = 50
    settings.JOURNAL_WITNESS_FILES = ["/mnt/a.txt", "/mnt/b.txt"]
    second = note_configuration("worker")

    assert changes_in(second) == ["JOURNAL_WITNESS_FILES:  -> /mnt/a.txt, /mnt/b.txt", "LOCKOUT_FAILURES: 5 -> 50"]
    assert settings_in(second)["LOCKOUT_FAILURES"] == "50"
    assert note_configuration("pages") is not None  # another kind of process has notes of its own
    assert [event.source for event in events()] == ["start:worker", "start:worker", "start:pages"]
    entry = JournalEntry.objects.get(table_name=SecurityEvent._meta.db_table, pk_text=str(second.pk))
    assert (entry.actor_name, entry.reason_code) == ("Genba (start)", "note_configuration")


def test_of_secrets_only_that_they_are_set_is_noted(settings):
    for name in configuration.SECRET.values():
        setattr(settings, name, [HIDDEN] if name.endswith("FALLBACKS") else HIDDEN)
    settings.REDIS_URL = f"redis://genba:{HIDDEN}@redis.example:6379/0"
    settings.JOURNAL_TSA_URL = f"https://{HIDDEN}@tsa.example/"
    settings.EMAIL_HOST_PASSWORD = HIDDEN

    event = note_configuration("sealer")

    assert HIDDEN not in event.detail
    said = settings_in(event)
    assert {said[name] for name in configuration.SECRET} == {"(set)"}
    assert (said["REDIS_URL"], said["JOURNAL_TSA_URL"]) == ("redis://redis.example:6379/0", "https://tsa.example/")
    settings.JOURNAL_KEY = ""
    assert changes_in(note_configuration("sealer")) == ["JOURNAL_KEY: (set) -> (not set)"]


def test_every_variable_is_noted_or_named_as_not_regulated():
    text = (BASE_DIR / "mfg_project" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', text))

    told = {*configuration.SHOWN, *configuration.SECRET, *configuration.COMPUTED, *configuration.NOT_REGULATED}
    assert read == told
    assert {*configuration.SHOWN, *configuration.SECRET, *configuration.COMPUTED} <= set(effective())


def test_of_many_that_begin_at_once_one_writes(settings):
    threads = [threading.Thread(target=noted_in_a_thread) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(events()) == 1


def noted_in_a_thread() -> None:
    try:
        note_configuration("pages")
    finally:
        connection.close()


def test_a_database_that_cannot_be_written_keeps_nobody_from_starting(settings, monkeypatch, capsys):
    settings.MODE = "demo"
    monkeypatch.setattr(configuration, "AGAIN_AFTER", 0.05)
    failed = threading.Event()
    monkeypatch.setattr(configuration.log, "warning", lambda *_, **__: failed.set())
    with database.as_role("auditor"):  # who may only read
        begin("pages")
        assert failed.wait(20)
        assert events() == []

    (waiting,) = [thread for thread in threading.enumerate() if thread.name == "configuration"]
    waiting.join(20)
    assert not waiting.is_alive()
    assert len(events()) == 1


def test_the_page_of_integrity_shows_them(client, user_of, settings):
    note_configuration("worker")
    settings.LOCKOUT_FAILURES = 50
    event = note_configuration("worker")
    client.force_login(user_of("auditor"))

    page = client.get("/audit/integrity/").content.decode()

    assert "LOCKOUT_FAILURES: 5 -&gt; 50" in page
    assert reverse("admin:audit_securityevent_change", args=[event.pk]) in page
