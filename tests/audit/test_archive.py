"""Months of the journal in files that prove themselves: written, read again, and all there is in the end."""

import datetime as dt
import subprocess
import sys
import zipfile
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from psycopg.sql import SQL, Identifier

from audit import retention, sealing, witness
from audit.archive import ArchiveRefused, archive_month, months_before, verify_archives
from audit.errors import MissingPermission
from audit.journal import change
from audit.models import ArchiveCheck, JournalArchive, JournalMonth
from audit.months import detach_month, drop_month
from audit.queries.archives import older_entries
from audit.queries.integrity import differs_from_journal
from audit.queries.retention import retention_of
from audit.tasks import check_archives
from audit.verification.report import ALTERED, INTACT, UNCHECKED
from audit.verification.verify import verify
from inventory.models import Material
from tests import factories
from tests.audit.reviewing import reviewed
from tests.audit.sealed import KEY, as_administrator, codes, found, seal_everything, told
from tests.database import PLANT, database

pytestmark = pytest.mark.django_db(transaction=True)
MATERIALS = Material._meta.db_table
MARCH, APRIL = dt.date(2015, 3, 1), dt.date(2015, 4, 1)
ROWS, CHANGED = 300, 40
FORGE = "UPDATE journal_entry SET reason = 'Forged' WHERE id = (SELECT min(id) FROM journal_entry_y2015m03)"
WHY = "Older than the plant keeps online"


@pytest.fixture
def old(as_admin, user_of, tmp_path, settings) -> Path:
    """A plant that made 300 materials in March 2015, renamed 40 in April, and went on now; all sealed in one tree."""
    settings.DATABASE_OWNER_URL = database.urls["owner"]
    quality = user_of("qa_manager")
    factories.plant()
    with database.psycopg("admin") as admin:
        admin.execute(SQL("SET ROLE {}").format(Identifier(f"{PLANT}_journal")))
        for month in (MARCH, APRIL):
            admin.execute("SELECT journal_make_partition(%s)", [month])
    columns = [f.column for f in Material._meta.concrete_fields if f.column not in ("id", "product_code", "created_at")]
    names = ", ".join(columns)
    olds = f"{MATERIALS} m WHERE product_code LIKE 'OLD-%'"
    renamed = f"id IN (SELECT pk::uuid FROM journal_entry WHERE op = 'U' AND table_name = '{MATERIALS}')"
    history = Material.history.model._meta.db_table
    was = "jsonb_build_object('product_name', m.product_name, 'version', 1)"
    now = '{"product_name": "Renamed", "version": 2}'
    as_administrator(
        f"INSERT INTO {MATERIALS} (id, product_code, created_at, {names}) SELECT gen_random_uuid(), 'OLD-' || n,"
        f" timestamptz '2015-03-10 00:00+00' + n * interval '1 min', {names}"
        f" FROM generate_series(1, {ROWS}) n, (SELECT * FROM {MATERIALS} LIMIT 1) m",
        entered("'I'", "m.created_at", "NULL::jsonb", "to_jsonb(m)", "'{}'", olds),
        entered("'U'", "timestamptz '2015-04-05 00:00+00'", was, f"'{now}'", "'{product_name,version}'",
                f"{olds} ORDER BY product_code LIMIT {CHANGED}"),
        f"UPDATE {MATERIALS} SET product_name = 'Renamed', version = 2 WHERE {renamed}",
        f"INSERT INTO {history} (id, product_code, created_at, {names}, history_date, history_type)"
        f" SELECT id, product_code, created_at, {names}, now(), '~' FROM {MATERIALS} WHERE {renamed}",
    )  # fmt: skip
    seal_everything(tmp_path / "witness.txt")
    factories.product("NEW")
    seal_everything(tmp_path / "witness.txt")
    reviewed(quality)
    seal_everything(tmp_path / "witness.txt")
    (tmp_path / "archives").mkdir()
    return tmp_path / "archives"


def entered(op: str, at: str, was: str, now: str, changed: str, rows: str) -> str:
    return (
        "INSERT INTO journal_entry (tx_at, at, op, schema_name, table_name, pk, old, new, changed, actor_type,"
        " actor_name, reason_code, reason, request_id, station, source, app_version, compliance_flags)"
        f" SELECT {at}, {at}, {op}, 'public', '{MATERIALS}', m.id::text, {was}, {now}, {changed}, 'user',"
        " '山田 Müller', 'import', E'A \"reason\"\\n', gen_random_uuid(), '', 'test', '0', '[\"ISO 9001\"]'"
        f" FROM {rows}"
    )


def archived(old: Path, *months: dt.date) -> list[JournalArchive]:
    return [archive for month in months for archive in archive_month(month, to=old)]


def ask(*arguments: object) -> int:
    try:
        call_command(*map(str, arguments))
    except SystemExit as end:
        return int(end.code)
    return 0


def in_database(question: str) -> object:
    with database.psycopg("admin") as admin:
        return admin.execute(question).fetchone()[0]


# --- Writing -----------------------------------------------------------------------------------------------


def test_a_month_is_written_whole_and_the_verifier_alone_reads_it(old, tmp_path, as_admin):
    assert months_before(dt.date(2020, 1, 1)) == [MARCH, APRIL]
    call_command("archive_journal", "--before", "2020-01", "--to", str(old), "--user", as_admin.username)

    march, april = JournalArchive.objects.order_by("month")
    assert (march.month, march.entries, march.name) == (MARCH, ROWS, "journal-2015-03-epoch-1.zip")
    assert (april.month, april.entries) == (APRIL, CHANGED)
    assert march.last_leaf - march.first_leaf == ROWS - 1
    assert march.archived_by == as_admin
    assert {check.verdict for check in ArchiveCheck.objects.all()} == {INTACT}
    (tmp_path / "key.txt").write_text(KEY.public.text)
    for archive in (march, april):
        folder = tmp_path / archive.name.removesuffix(".zip")
        with zipfile.ZipFile(old / archive.name) as file:
            file.extractall(folder)
        # from an empty environment, without site-packages, with the program that lies in the archive itself
        alone = subprocess.run(
            [sys.executable, "-I", "-S", folder / "genba_verify.py", old / archive.name, "--key", tmp_path / "key.txt"],
            capture_output=True, text=True, cwd=tmp_path, env={}, check=False,
        )  # fmt: skip
        assert (alone.returncode, alone.stdout.splitlines()[-1]) == (0, "INTACT"), alone.stdout
        assert f"entries: {archive.entries}, each in the log of {march.checkpoint_size}" in alone.stdout
    assert not list(old.glob("*.part"))


def test_a_second_run_writes_and_notes_nothing_new_and_a_lost_file_is_written_again(old):
    (first,) = archived(old, MARCH)
    assert archived(old, MARCH) == [first]
    assert ArchiveCheck.objects.count() == 1

    (old / first.name).unlink()
    (again,) = archived(old, MARCH)

    assert again.leaves_digest == first.leaves_digest
    assert (old / first.name).exists()


def test_a_file_without_its_note_is_noted_after_it_was_verified(old):
    """The program was killed between writing and noting."""
    (first,) = archived(old, MARCH)
    as_administrator("DELETE FROM audit_archivecheck", "DELETE FROM audit_journalarchive")
    written = (old / first.name).stat().st_mtime_ns

    (again,) = archived(old, MARCH)

    assert (old / first.name).stat().st_mtime_ns == written
    assert again.sha256 == first.sha256


def test_another_file_of_that_name_is_not_taken_for_the_archive(old):
    archived(old, APRIL)
    (old / "journal-2015-03-epoch-1.zip").write_bytes((old / "journal-2015-04-epoch-1.zip").read_bytes())

    with pytest.raises(ArchiveRefused, match="other entries than the database"):
        archived(old, MARCH)
    (old / "journal-2015-03-epoch-1.zip").write_bytes(b"rubbish")
    with pytest.raises(ArchiveRefused, match="does not verify"):
        archived(old, MARCH)


def test_an_entry_that_is_not_what_was_sealed_is_not_archived(old):
    as_administrator(
        "UPDATE journal_entry SET reason = 'Forged' WHERE id = (SELECT min(id) FROM journal_entry_y2015m03)"
    )

    with pytest.raises(ArchiveRefused, match="is not what was sealed"):
        archived(old, MARCH)
    assert not JournalArchive.objects.exists()
    assert not list(old.glob("*.zip"))


def test_what_is_not_sealed_yet_is_not_archived(old):
    as_administrator(entered("'I'", "timestamptz '2015-03-31 23:59:59+00'", "NULL::jsonb", "'{}'", "'{}'",
                            f"(SELECT * FROM {MATERIALS} LIMIT 1) m"))  # fmt: skip

    with pytest.raises(ArchiveRefused, match="1 entries of 2015-03 are not sealed"):
        archived(old, MARCH)


def test_this_month_is_not_over(old):
    with pytest.raises(ArchiveRefused, match="not over yet"):
        archived(old, dt.datetime.now(dt.UTC).date().replace(day=1))


def test_archiving_is_for_who_may_and_says_who(old, as_role):
    with as_role("qa_manager"), pytest.raises(MissingPermission):
        archived(old, MARCH)
    with pytest.raises(CommandError, match="no active user"):
        call_command("archive_journal", "--before", "2020-01", "--to", str(old), "--user", "nobody")


# --- Reading again -----------------------------------------------------------------------------------------


def test_every_archive_is_read_again_and_the_result_kept(old, settings, capsys):
    march, april = archived(old, MARCH, APRIL)
    assert ask("verify_archives", "--archive", old) == 0
    raw = bytearray((old / march.name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (old / march.name).write_bytes(raw)
    (old / april.name).unlink()

    assert ask("verify_archives", "--archive", old) == 1
    settings.JOURNAL_ARCHIVE_DIR = str(old)
    assert check_archives() == 2
    (old / march.name).unlink()
    assert ask("verify_archives") == 2

    kept = list(ArchiveCheck.objects.filter(archive=march).order_by("id").values_list("verdict", flat=True))
    assert kept == [INTACT, INTACT, ALTERED, ALTERED, UNCHECKED]
    assert "no file journal-2015-04-epoch-1.zip" in ArchiveCheck.objects.filter(archive=april).latest("id").detail
    assert "journal-2015-03-epoch-1.zip: altered" in capsys.readouterr().out


# --- Out of the journal ------------------------------------------------------------------------------------


def test_a_month_leaves_the_journal_and_everything_still_verifies(old, tmp_path, client, as_admin):
    call_command("archive_journal", "--before", "2020-01", "--to", str(old), "--detach", "--reason", WHY,
                 "--user", as_admin.username)  # fmt: skip

    assert in_database("SELECT min(tx_at) > '2020-01-01' FROM journal_entry") is True
    assert in_database("SELECT count(*) FROM journal_archived_y2015m03") == ROWS
    seal_everything_but_archived(tmp_path)
    report = verify(witness=[tmp_path / "witness.txt"])
    assert report.exit_code == 0, told(report)
    noted = JournalMonth.objects.order_by("month").values_list("month", "step", "entries", "actor_name", "reason")
    assert list(noted) == [(m, "detached", n, as_admin.printed_name, WHY) for m, n in ((MARCH, ROWS), (APRIL, CHANGED))]
    assert differs_from_journal(Material.objects.get(product_code="OLD-1")) == []
    assert older_entries().before == dt.date(2015, 5, 1)
    client.force_login(as_admin)
    page = client.get(f"/audit/{MATERIALS}/{Material.objects.get(product_code='OLD-1').pk}/").content.decode()
    assert "Entries before 2015-05-01 are in 2 archives of the journal: journal-2015-03-epoch-1.zip" in page


def seal_everything_but_archived(tmp_path: Path) -> None:
    with database.psycopg("sealer") as connection:
        connection.autocommit = True
        for sealed in sealing.seal_all(connection, KEY):
            witness.publish(sealed.note, [tmp_path / "witness.txt"])


def test_a_month_beside_the_journal_is_as_append_only_as_in_it(gone):
    statements = ("DELETE FROM {t}", "UPDATE {t} SET reason = 'x'", "TRUNCATE {t}", "INSERT INTO {t} SELECT * FROM {t}")
    done = []
    for role in ("app", "owner", "sealer", "auditor", "admin"):
        for statement in statements:
            with database.psycopg(role) as session:
                try:
                    session.execute(statement.format(t="journal_archived_y2015m03"))
                    done.append((role, statement))
                except psycopg.errors.InsufficientPrivilege:
                    session.rollback()

    assert done == []


@pytest.fixture
def gone(old) -> Path:
    archived(old, MARCH)
    detach_month(MARCH, reason=WHY)
    return old


def test_guards_taken_off_a_month_beside_the_journal_are_named(gone):
    with database.psycopg("admin") as admin:
        admin.execute("ALTER TABLE journal_archived_y2015m03 DISABLE TRIGGER append_only")
        admin.execute("DROP TRIGGER journal_no_truncate ON journal_archived_y2015m03")

    report = verify(quick=True)
    assert {("trigger_off", "journal_archived_y2015m03", "", "append_only"),
            ("trigger_missing", "journal_archived_y2015m03", "", "journal_no_truncate")} <= found(report)  # fmt: skip


def test_an_entry_altered_beside_the_journal_is_named(gone):
    as_administrator("UPDATE journal_archived_y2015m03 SET reason = 'Forged' WHERE pk = (SELECT min(pk) FROM"
                     " journal_archived_y2015m03)")  # fmt: skip

    assert codes(verify()) == {"entry_altered"}


def test_the_application_takes_no_month_out(old):
    archived(old, MARCH)
    for role in ("app", "sealer", "auditor"):
        for function in ("journal_detach_month", "journal_drop_month"):
            with database.psycopg(role) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(f"SELECT {function}('2015-03-01')")


def test_a_month_stays_without_its_archive_and_without_the_right_one(old):
    with pytest.raises(ArchiveRefused, match="no archive holds exactly"):
        detach_month(MARCH, reason=WHY)
    (april,) = archived(old, APRIL)
    with pytest.raises(ArchiveRefused, match="not the oldest month"):
        detach_month(APRIL, reason=WHY)
    april.pk, april.month, april.entries = None, MARCH, ROWS
    with change("arrange_test"):
        april.save()  # a note of the right size and of other leaves
    with pytest.raises(ArchiveRefused, match="no archive holds exactly"):
        detach_month(MARCH, reason=WHY)
    assert in_database("SELECT count(*) FROM journal_entry WHERE tx_at < '2016-01-01'") == ROWS + CHANGED


def test_a_month_nobody_reviewed_stays_until_somebody_has(old, as_admin):
    archived(old, MARCH, APRIL)
    command = ("archive_journal", "--before", "2015-04", "--to", str(old), "--detach", "--reason", WHY)

    reviewed_until("2015-03-31 23:59:59+00")
    with pytest.raises(CommandError, match=r"2015-03 is not reviewed: 300 entries from 2015-03-10 00:01 to .* UTC"):
        call_command(*command, "--user", as_admin.username)
    assert not JournalMonth.objects.exists()

    reviewed_until("2015-04-01 00:00:00+00")
    call_command(*command, "--user", as_admin.username)
    assert JournalMonth.objects.get().month == MARCH
    with pytest.raises(ArchiveRefused, match="2015-04 is not reviewed: 40 entries"):
        detach_month(APRIL, reason=WHY)


def reviewed_until(end: str) -> None:
    as_administrator("UPDATE audit_trailreview SET since = '2015-01-01 00:00+00', until = %(end)s", end=end)


@pytest.mark.parametrize(("scope", "is_enough"), [(f"{MATERIALS},work_orders", True), ("work_orders", False)])
def test_reviews_of_record_types_cover_a_month_when_they_have_each_type_in_it(old, user_of, scope, is_enough):
    archived(old, MARCH)
    as_administrator("DELETE FROM audit_trailreview")
    seal_everything()

    reviewed(user_of("qa_manager"), scope=scope)

    if is_enough:
        assert detach_month(MARCH, reason=WHY)
    else:
        with pytest.raises(ArchiveRefused, match=rf"\({MATERIALS}\) stand in no signed review"):
            detach_month(MARCH, reason=WHY)


def test_an_entry_sealed_only_after_the_review_is_not_covered_by_it(old):
    """Written by a transaction that was open while somebody reviewed."""
    archived(old, MARCH)
    as_administrator("UPDATE audit_trailreview SET checkpoint_size = 0")

    with pytest.raises(ArchiveRefused, match="is not reviewed: 300 entries"):
        detach_month(MARCH, reason=WHY)


def test_a_month_that_was_altered_after_archiving_stays(old):
    archived(old, MARCH)
    as_administrator(
        "UPDATE journal_entry SET reason = 'Forged' WHERE id = (SELECT min(id) FROM journal_entry_y2015m03)"
    )

    with pytest.raises(ArchiveRefused, match=r"1 of 300 entries .* are not sealed as they are"):
        detach_month(MARCH, reason=WHY)


def test_a_month_stays_as_long_as_the_longest_policy_or_the_one_for_the_journal_says(old):
    archived(old, MARCH)
    longest = retention.set_policy(record_type=MATERIALS, years=30, basis="Contract")
    with pytest.raises(ArchiveRefused, match="has to be kept until 2045-04-01"):
        detach_month(MARCH, reason=WHY)

    retention.set_policy(record_type="journal_entry", years=2, basis="Archives are kept at the bank")
    assert detach_month(MARCH, reason=WHY) == "journal_archived_y2015m03"
    verify_archives([old])
    with pytest.raises(ArchiveRefused, match="has to be kept until 2045-04-01"):
        drop_month(MARCH, reason=WHY)  # out of the journal, and not out of the database
    retention.update_policy(pk=longest.pk, expected_version=1, reason="Contract ended", years=5)
    assert drop_month(MARCH, reason=WHY) == ROWS


@pytest.mark.parametrize(
    ("scope", "holds"),
    [({}, True), ({"record_type": MATERIALS}, True), ({"record_type": "work_orders"}, False)],
)
def test_a_legal_hold_keeps_the_months_that_speak_of_it(old, scope, holds):
    archived(old, MARCH, APRIL)
    hold = retention.place_hold(**scope, reason="Complaint 2026-17")
    if holds:
        with pytest.raises(ArchiveRefused, match="a legal hold keeps entries"):
            detach_month(MARCH, reason=WHY)
        retention.lift_hold(hold_id=hold.pk, reason="Complaint closed")
    detach_month(MARCH, reason=WHY)
    verify_archives([old])
    retention.place_hold(record_type=MATERIALS, record_key=any_old(), reason="Complaint 2026-18")

    with pytest.raises(ArchiveRefused, match="a legal hold keeps entries"):
        drop_month(MARCH, reason=WHY)


def any_old() -> str:
    return str(Material.objects.get(product_code="OLD-1").pk)


def test_a_month_leaves_only_with_a_reason(old):
    archived(old, MARCH)

    for reason in ("", ".", "ok"):
        with pytest.raises(ArchiveRefused, match="reason required"):
            detach_month(MARCH, reason=reason)


def test_without_the_owners_address_nothing_is_taken_out(old, settings):
    settings.DATABASE_OWNER_URL = ""

    with pytest.raises(ArchiveRefused, match="DATABASE_OWNER_URL"):
        detach_month(MARCH, reason=WHY)


def test_what_left_the_journal_still_counts_for_the_years_of_its_rows(gone):
    """The last change of most rows is in March, which is gone: not later than the journal begins."""
    unchanged = Material.objects.filter(product_code__startswith="OLD-").exclude(product_name="Renamed").first()

    assert retention_of(MATERIALS, str(unchanged.pk)).until == dt.datetime(2022, 4, 1, tzinfo=dt.UTC)


# --- Only in archives --------------------------------------------------------------------------------------


@pytest.fixture
def only_archived(old, as_admin) -> Path:
    call_command("archive_journal", "--older-than-years", "7", "--to", str(old), "--detach", "--reason", WHY,
                 "--user", as_admin.username)  # fmt: skip
    call_command("drop_archived_months", "--before", "2020-01", "--archive", str(old), "--reason", WHY,
                 "--user", as_admin.username)  # fmt: skip
    return old


def test_with_the_archives_given_everything_is_checked_as_ever(only_archived, tmp_path):
    assert in_database("SELECT to_regclass('journal_archived_y2015m03') IS NULL") is True
    seal_everything_but_archived(tmp_path)

    report = verify(archives=[only_archived], witness=[tmp_path / "witness.txt"], keys=[KEY.public])
    assert report.exit_code == 0, told(report)
    assert {report.verdict(question) for question in report.asked} == {INTACT}
    assert report.entries == report.size
    assert ask("audit_verify", "--archive", only_archived) == 0
    assert ask("audit_verify", "--archive", only_archived, "--record", MATERIALS, any_old()) == 0


def test_without_them_the_leaves_answer_for_the_log_and_rows_are_not_called_intact(only_archived):
    report = verify()

    assert report.findings == [], told(report)
    assert (report.verdict("log"), report.verdict("database"), report.exit_code) == (INTACT, UNCHECKED, 2)
    assert report.unchecked["database"] == [f"{ROWS} rows of {MATERIALS} begin in archives that were not given"]
    assert "300 entries of 2015-03 are in journal-2015-03-epoch-1.zip, which was not given" in "".join(report.remarks)
    assert ask("audit_verify", "--record", MATERIALS, any_old()) == 2


def test_a_row_altered_is_found_with_the_archives_and_without_where_the_journal_still_knows(only_archived):
    material = Material.objects.get(product_code="NEW")
    as_administrator(
        f"UPDATE {MATERIALS} SET product_name = 'Forged' WHERE id = %(new)s OR id = %(old)s",
        new=material.pk,
        old=any_old(),
    )

    assert found(verify()) == {("field_differs", MATERIALS, str(material.pk), "product_name")}
    assert found(verify(archives=[only_archived])) == {
        ("field_differs", MATERIALS, key, "product_name") for key in (str(material.pk), any_old())
    }


def test_a_forged_archive_is_named_and_not_read(only_archived):
    """Whole and sealed anew by whoever forged it; it is not the file that was noted."""
    name = "journal-2015-03-epoch-1.zip"
    (only_archived / name).write_bytes((only_archived / "journal-2015-04-epoch-1.zip").read_bytes())

    report = verify(archives=[only_archived])
    assert codes(report) == {"archive_altered"}
    assert report.verdict("database") == UNCHECKED


def test_leaves_of_an_archived_month_altered_are_found_without_the_archive(only_archived):
    as_administrator("DELETE FROM journal_leaf WHERE tx_at < '2015-04-01' AND idx = (SELECT min(idx) + 5"
                     " FROM journal_leaf WHERE tx_at < '2015-04-01')")  # fmt: skip

    assert {"leaf_removed", "archive_differs"} <= codes(verify())


def test_an_entry_removed_is_not_taken_for_an_archived_one(only_archived):
    as_administrator(f"DELETE FROM journal_entry WHERE pk = '{Material.objects.get(product_code='NEW').pk}'")

    assert codes(verify()) == {"entry_removed"}


def test_a_note_without_the_month_ever_archived_does_not_hide_that_it_is_gone(old):
    """Whoever drops a month and writes the note by hand has to name leaves; a wrong digest shows."""
    (april,) = archived(old, APRIL)
    april.pk, april.month = None, MARCH
    with change("arrange_test"):
        april.save()
    with database.psycopg("admin") as admin:
        admin.execute("DROP TABLE journal_entry_y2015m03")

    assert "archive_differs" in codes(verify())


def test_months_are_dropped_only_with_archives_found_intact(old, as_admin):
    archived(old, MARCH)
    detach_month(MARCH, reason=WHY)
    (old / "journal-2015-03-epoch-1.zip").rename(old / "lost")

    with pytest.raises(CommandError, match="not found intact lately"):
        call_command("drop_archived_months", "--before", "2020-01", "--archive", str(old), "--reason", WHY,
                     "--user", as_admin.username)  # fmt: skip
    assert in_database("SELECT count(*) FROM journal_archived_y2015m03") == ROWS
