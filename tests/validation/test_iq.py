"""The checks of the installation, executed on a real one: right as it is, and each fault is named."""

import pytest
from django.core.management import call_command

from audit.tasks import verify_journal
from mfg_project.validation.iq import FAILED, NOT_CHECKED, OK, check_installation
from tests import factories
from tests.audit.sealed import seal_everything
from tests.database import PLANT, database

pytestmark = pytest.mark.django_db(transaction=True)
# A test's database is thrown away, and does not wait for the disk; it runs in test mode.
OF_A_TEST = {
    ("Database", "fsync: what is acknowledged survives a power cut"),
    ("Database", "synchronous_commit: what is acknowledged survives a power cut"),
    ("Database", "full_page_writes: what is acknowledged survives a power cut"),
    ("Settings", "mode"),
    ("Settings", "HTTPS only, cookies marked secure"),
    ("Settings", "SECRET_KEY"),
    ("Settings", "PASSWORD_MAX_DAYS"),
    ("Settings", "DORMANT_DAYS"),
    ("Settings", "addresses told of a locked account"),
}


@pytest.fixture
def witness(tmp_path, settings):
    path = tmp_path / "witness.txt"
    settings.JOURNAL_WITNESS_FILES = [str(path)]
    return path


@pytest.fixture
def installed(as_admin, witness):
    """As a plant stands after its first night."""
    factories.plant()
    seal_everything(witness)
    verify_journal()
    seal_everything(witness)


def failed() -> dict[tuple[str, str], str]:
    found = {(check.group, check.name): check.found for check in check_installation() if check.result != OK}
    return {key: what for key, what in found.items() if key not in OF_A_TEST}


def test_a_migrated_installation_passes_what_this_version_asks(installed):
    assert failed() == {}
    assert len(check_installation()) > 50


def test_what_a_safe_mode_asks_is_seen(installed, settings):
    asked = {(check.group, check.name): check for check in check_installation()}

    assert asked["Settings", "mode"].result == FAILED
    assert asked["Settings", "mode"].found == "test"
    assert asked["Settings", "DEBUG"].result == OK
    settings.DEBUG = True
    assert ("Settings", "DEBUG") in failed()


def test_a_new_plant_lacks_seals_witness_and_verification(as_admin):
    assert set(failed()) == {
        ("Journal", "the sealer works"),
        ("Journal", "witnesses outside the database"),
        ("Journal", "last verification"),
        ("Time", "time zone of the plant"),
    }


def test_a_witness_that_is_gone_is_named(installed, witness):
    witness.unlink()

    assert failed() == {("Journal", f"witness {witness}"): "missing or empty"}


def test_a_guard_taken_off_is_named(installed):
    with database.psycopg("admin") as admin:
        admin.execute("ALTER TABLE production_lines DISABLE TRIGGER zz_journal_update")

    ((place, what),) = failed().items()
    assert place == ("Guards", "triggers and functions of the journal")
    assert "production_lines" in what
    assert "zz_journal_update" in what


def test_a_role_that_may_too_much_is_named(installed):
    with database.psycopg("admin") as admin:
        admin.execute("GRANT TRUNCATE ON work_orders TO PUBLIC")

    ((place, what),) = failed().items()
    assert place == ("Roles", "rights of the application's role")
    assert "TRUNCATE" in what


def test_the_owner_at_work_is_named(installed):
    with database.as_role("owner"):
        assert f"the role {PLANT}_owner owns" in failed()["Roles", "rights of the application's role"]


def test_a_month_that_is_missing_is_named(installed):
    with database.psycopg("admin") as admin:
        months = admin.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'journal_entry'::regclass ORDER BY 1"
        ).fetchall()
        for (month,) in months[1:]:
            admin.execute(f"DROP TABLE {month}")

    assert failed() == {("Journal", "months of the journal made ahead"): f"0, up to {months[0][0]}"}


def test_a_missing_migration_is_named(installed):
    with database.as_role("owner"):
        call_command("migrate", "production", "0006", verbosity=0)

    found = failed()
    assert "production.0008_status_evidence" in found["Database", "migrations of this version"]
    assert "the trigger is missing" in found["Guards", "triggers and functions of the journal"]


def test_a_package_of_another_version_is_named(installed, tmp_path, monkeypatch):
    other = tmp_path / "requirements.txt"
    other.write_text("Django==1.0\nno-such-package==1.0\n")
    monkeypatch.setattr("mfg_project.validation.iq.REQUIREMENTS", other)

    found = failed()
    assert found["Programs", "Django"].startswith("5.")
    assert found["Programs", "no-such-package"] == "not installed"


def test_without_a_database_the_rest_is_checked(installed, monkeypatch):
    monkeypatch.setitem(database.urls, "app", "postgresql://nobody:x@127.0.0.1:1/none")
    database.connect_as("app")
    try:
        results = {(check.group, check.result) for check in check_installation()}
    finally:
        monkeypatch.undo()
        database.connect_as("app")

    assert {group for group, result in results if result == NOT_CHECKED} == {
        "Database",
        "Roles",
        "Guards",
        "Journal",
        "Time",
    }
    assert ("Programs", OK) in results
