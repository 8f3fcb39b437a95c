"""The copy of a record: nothing missing against the database, readable, and it proves itself (21 CFR 11.10(b))."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.services.qualifications import qualify_for_the_demo
from audit.journal import change
from audit.models import JournalEntry, SecurityEvent, Signature, StateChange
from equipment.services.line_assignments import assign_line
from mfg_project.reports.document import Column, Heading, Table, pdf_of
from mfg_project.trail.bundle import paper
from mfg_project.trail.bundle.paper import split
from mfg_project.trail.names import journalled_models
from production.models import JobOrder, QuantityReport, WorkOrder
from production.services.job_orders import report_quantity
from quality.models import Measurement, QualityCheck
from tests import factories
from tests.admin.world import world
from tests.audit.journal import IGNORED
from tests.audit.sealed import KEY, as_administrator, seal_everything
from tests.reports.pdfa import faults, reader, text_of
from tests.trail.world import BUNDLE, body, field_of, order_with_everything, take, values_of, verify

ORDER_PARTS = {
    "batches": 1,
    "production_joborder": 2,
    "production_quantityreport": 3,
    "production_operationrun": 0,
    "quality_checks": 1,
    "quality_measurement": 1,
}


@pytest.fixture
def auditor(signed_in):
    return signed_in("auditor")


@pytest.fixture
def story(plant):
    return order_with_everything(plant)


def same(told, stored) -> bool:
    """A value of the file and one of Django's, written by different hands."""
    if isinstance(stored, bool) or stored is None:
        return told is stored
    if isinstance(stored, Decimal):
        return isinstance(told, str | int) and Decimal(str(told)) == stored
    if isinstance(stored, dt.datetime):
        return parse_datetime(told) == stored
    if isinstance(stored, UUID | dt.date | dt.time):
        return told == str(stored)
    return told == stored


def assert_equals_database(row, instance) -> None:
    told = values_of(row)
    stored = {field.column: getattr(instance, field.attname) for field in instance._meta.concrete_fields}
    assert told.keys() == stored.keys()
    assert [column for column, value in stored.items() if not same(told[column], value)] == []


# --- Complete ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_value_of_the_record_and_its_parts_equals_the_database(auditor, story):
    copy = take(auditor, story.order)

    assert_equals_database(copy.json["record"], WorkOrder.objects.get(pk=story.order.pk))
    for model in (JobOrder, QuantityReport, QualityCheck, Measurement):
        rows = {row["key"]: row for row in copy.part(model._meta.db_table) if row["gone"] is None}
        instances = {str(instance.pk): instance for instance in model.objects.all()}
        assert rows.keys() == instances.keys()
        for key, row in rows.items():
            assert_equals_database(row, instances[key])
    (batch,) = copy.part("batches")
    assert_equals_database(batch, story.order.batch)


@pytest.mark.django_db
def test_a_deleted_part_is_there_with_all_it_was_and_why_it_went(auditor, story):
    copy = take(auditor, story.order)

    (gone,) = [row for row in copy.part("production_joborder") if row["gone"]]
    assert gone["key"] == str(story.deleted.pk)
    assert_equals_database(gone, story.deleted)
    assert gone["gone"]["reason"] == "doppelt geplant"
    assert gone["gone"]["by"] == "Test admin"
    assert "doppelt geplant" in text_of(copy.files["record.pdf"])


@pytest.mark.django_db
def test_every_revision_and_every_entry_is_there(auditor, story):
    copy = take(auditor, story.order)

    for model in (WorkOrder, JobOrder):
        told = [each["version"] for each in copy.json["versions"] if each["table"] == model._meta.db_table]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT history_id, version FROM {model.history.model._meta.db_table} ORDER BY 1")
            stored = cursor.fetchall()
        assert sorted((row["history_id"], row["version"]) for row in told) == stored
    keys = {row["key"] for part in copy.json["parts"] for row in part["rows"]} | {str(story.order.pk)}
    evidence = {str(pk) for model in (Signature, StateChange) for pk in model.objects.values_list("pk", flat=True)}
    stored = JournalEntry.objects.filter(pk_text__in=keys | evidence, table_name__in=[
        "work_orders", "audit_signature", "audit_statechange", *ORDER_PARTS
    ])  # fmt: skip
    assert [entry["id"] for entry in copy.json["entries"]] == list(stored.order_by("id").values_list("id", flat=True))
    assert copy.json["complete"] is True


@pytest.mark.django_db
def test_the_counts_are_those_of_the_database(auditor, story):
    copy = take(auditor, story.order)

    counts = copy.json["counts"]
    assert counts["rows"] == {"work_orders": 1} | ORDER_PARTS | {"production_joborder": JobOrder.objects.count()}
    assert counts["gone"]["production_joborder"] == 1
    assert counts["signatures"] == Signature.objects.count() == 1
    assert counts["state_changes"] == StateChange.objects.count()
    assert (
        counts["versions"] == WorkOrder.history.count() + JobOrder.history.count() + story.order.batch.history.count()
    )
    assert counts["entries"] == len(copy.json["entries"])
    assert counts["entries_sealed"] == 0
    for part in copy.json["parts"]:
        table = part["table"]
        assert len(part["rows"]) == counts["rows"][table] + counts["gone"][table]
    manifest = copy.manifest["counts"]
    assert manifest["rows production_quantityreport"] == QuantityReport.objects.count()
    assert manifest["signatures"] == 1


@pytest.mark.django_db
def test_values_have_their_label_unit_words_and_code(auditor, story):
    copy = take(auditor, story.order)

    status = field_of(copy.json["record"], "status")
    assert (status["label"], status["text"], status["code"], status["value"]) == (
        "Status", "In progress", "in_progress", "in_progress"
    )  # fmt: skip
    assert field_of(copy.json["record"], "planned_quantity")["unit"] == "pcs"
    assert field_of(copy.part("production_quantityreport")[0], "good")["unit"] == "pcs"
    (measured,) = copy.part("quality_measurement")
    assert (field_of(measured, "value")["value"], field_of(measured, "value")["unit"]) == ("10.050", "mm")
    assert field_of(measured, "verdict")["text"] == "Pass"
    scrapped = next(row for row in copy.part("production_quantityreport") if field_of(row, "reason_id")["value"])
    assert field_of(scrapped, "reason_id")["text"].startswith(story.plant.scrap_reason.code)
    text = text_of(copy.files["record.pdf"])
    assert "10.050 mm" in text
    assert "12 pcs" in text


@pytest.mark.django_db
def test_what_was_changed_since_it_was_entered_is_marked_with_old_value_who_when_and_why(auditor, story):
    copy = take(auditor, story.order)

    (told,) = copy.json["record"]["changed_since_entry"]
    assert (told["column"], Decimal(told["old"]), Decimal(told["new"])) == ("planned_quantity", 10, 12)
    assert (told["event"]["by"], told["event"]["reason"]) == ("Test planner", "Kunde braucht zwei mehr")
    text = text_of(copy.files["record.pdf"])
    assert "Changed since the original entry" in text
    assert "12 pcs1" in text  # the footnote's number
    assert "10 pcs" in text
    assert "Kunde braucht zwei mehr" in text


# --- Readable ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_paper_is_pdfa_and_holds_every_signature_with_name_time_and_meaning(auditor, story):
    copy = take(auditor, story.order)

    pdf = copy.files["record.pdf"]
    assert faults(pdf) == []
    text = text_of(pdf)
    for signature in Signature.objects.all():
        signed = signature.signed_at.astimezone(dt.UTC)
        tokyo = signed + dt.timedelta(hours=9)
        day = f"{tokyo:%Y-%m-%d} " if tokyo.date() != signed.date() else ""
        assert f"Printed name {signature.signer_name} Role {signature.signer_title}" in text
        assert f"Signed at {signed:%Y-%m-%d %H:%M:%S} UTC ({day}{tokyo:%H:%M:%S} +09:00)" in text
        assert "Meaning Released for production" in text
        assert signature.digest in text.replace(" ", "")
    assert "#panic()" in text
    pages = [page.extract_text() for page in reader(pdf).pages]
    assert all("WO-COPY" in page and f"of {len(pages)}" in page for page in pages)
    assert all("Exported by Test auditor" in page for page in pages)


@pytest.mark.django_db
def test_content_that_differs_from_what_was_signed_is_said_first(auditor, story, plant):
    copy = take(auditor, story.order)

    (signature,) = copy.json["signatures"]
    assert signature["content_matches"] is False
    assert [change["label"] for change in signature["content_changes"]] == ["Planned quantity", "Operation 20"]
    assert "The content differs from what was signed." in reader(copy.files["record.pdf"]).pages[0].extract_text()
    other = take(auditor, factories.work_order(plant, status="released"))
    assert other.json["signatures"][0]["content_matches"] is True
    text = text_of(other.files["record.pdf"])
    assert "The content matches what was signed." in text
    assert "differs" not in text


@pytest.mark.django_db
def test_the_paper_is_japanese_for_who_reads_japanese(auditor, story):
    copy = take(auditor, story.order, **{"Accept-Language": "ja"})

    assert faults(copy.files["record.pdf"]) == []
    assert field_of(copy.json["record"], "priority")["label"] == "優先度"
    assert "優先度" in text_of(copy.files["record.pdf"])
    assert str(reader(copy.files["record.pdf"]).trailer["/Root"]["/Lang"]) == "ja"


@pytest.mark.django_db
def test_a_record_too_long_for_one_file_goes_on_in_the_next(auditor, story, monkeypatch):
    monkeypatch.setattr(paper, "MOST_LINES", 5)

    copy = take(auditor, story.order)

    names = sorted(name for name in copy.files if name.endswith(".pdf"))
    assert "record-2.pdf" in names
    assert f"part 1 of {len(names)}" in text_of(copy.files["record.pdf"])
    assert "part 2 of" in text_of(copy.files["record-2.pdf"])


def test_cutting_loses_no_line():
    tables = [Table([Column("n")], [[f"{table}-{n}"] for n in range(size)]) for table, size in enumerate((3, 7, 0, 12))]
    blocks = [block for table in tables for block in (Heading("h"), table)]

    parts = list(split(blocks, 5))

    lines = [[row[0] for block in part if isinstance(block, Table) for row in block.rows] for part in parts]
    assert [line for part in lines for line in part] == [row[0] for table in tables for row in table.rows]
    assert max(map(len, lines)) == 5


# --- Every type, every account -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_record_of_every_type_can_be_copied(auditor, as_admin, monkeypatch):
    """On one paper all together: a typesetter for each would take the time of all other tests here."""
    papers = []
    monkeypatch.setattr(paper, "pdf_of", lambda document, **_at: papers.append(document) or b"")
    world()
    qualify_for_the_demo(as_admin)
    failed, ignored = {}, {column for columns in IGNORED.values() for column in columns}
    for table, model in journalled_models().items():
        instance = model._base_manager.first()
        if instance is None:
            continue
        copy = take(auditor, instance)
        told = values_of(copy.json["record"])
        columns = {field.column for field in model._meta.concrete_fields} - ignored
        if columns - told.keys():
            failed[table] = columns ^ told.keys()

    assert failed == {}
    assert len(papers) > 20
    everything = [block for document in papers for block in document.blocks]
    assert faults(pdf_of(replace(papers[0], blocks=everything), at=timezone.now())) == []


@pytest.mark.django_db
def test_a_password_leaves_the_plant_as_a_digest_only(auditor, as_admin):
    person = factories.user("operator", password="a-long-test-password")

    copy = take(auditor, person)

    assert values_of(copy.json["record"])["password"].keys() == {"sha256", "length"}
    for name, content in copy.files.items():
        assert person.password.encode() not in content, name
    assert "only its digest is kept" in " ".join(copy.json["left_out"])


@pytest.mark.django_db
def test_a_record_that_is_gone_can_still_be_copied(auditor, story):
    copy = take(auditor, story.deleted)

    assert copy.json["record"]["gone"]["reason"] == "doppelt geplant"
    assert "no longer there" in text_of(copy.files["record.pdf"])


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "status"), [("auditor", 200), ("qa_manager", 200), ("supervisor", 403)])
def test_who_may_take_a_copy(client, user_of, plant, role, status):
    order = factories.work_order(plant)
    client.force_login(user_of(role))

    for address in (BUNDLE.format("work_orders", order.pk), f"/api/v1/audit/records/work_orders/{order.pk}/bundle/"):
        assert client.get(address).status_code == status
    shown = b"/bundle/" in client.get(f"/orders/{order.pk}/").content
    assert shown == (status == 200)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["work_orders/rubbish", "work_orders/01900000-0000-7000-8000-000000000000",
                                     "django_session/1", "nothing/1"])  # fmt: skip
def test_what_is_no_record_is_not_found(auditor, address):
    assert auditor.get(f"/audit/{address}/bundle/").status_code == 404
    assert auditor.get(f"/api/v1/audit/records/{address}/bundle/").status_code == 404
    assert not SecurityEvent.objects.filter(kind="exported").exists()


@pytest.mark.django_db
def test_an_account_of_some_lines_takes_what_it_may_see_and_the_copy_says_what_is_missing(client, user_of, plant):
    other = factories.plant()
    mine, theirs = factories.work_order(plant, status="in_progress"), factories.work_order(other)
    elsewhere = factories.first_job(mine)
    with change("update_job", "auf anderer Linie"):
        JobOrder.objects.filter(pk=elsewhere.pk).update(production_line=other.line)
    user = user_of("auditor")
    assign_line(user_id=user.pk, line_id=plant.line.pk)
    client.force_login(user)

    assert client.get(BUNDLE.format("work_orders", theirs.pk)).status_code == 404
    copy = take(client, mine)

    assert str(elsewhere.pk) not in {row["key"] for row in copy.part("production_joborder")}
    assert next(p for p in copy.json["parts"] if p["table"] == "production_joborder")["not_in_this_copy"] == 1
    assert "Not complete: 1 row is of lines" in text_of(copy.files["record.pdf"])


@pytest.mark.django_db
def test_a_copy_leaves_a_record_of_who_took_what(auditor, story, user_of):
    take(auditor, story.order)

    event = SecurityEvent.objects.get(kind="exported")
    assert event.user == user_of("auditor")
    assert f"work_orders {story.order.pk}, version {story.order.version}" in event.detail
    assert event.source == "web"


@pytest.mark.django_db
def test_the_queries_do_not_grow_with_the_parts(auditor, plant):
    def asked(order) -> int:
        with CaptureQueriesContext(connection) as queries:
            take(auditor, order)
        return len(queries)

    few = factories.work_order(plant, status="in_progress", quantity="100")
    many = factories.work_order(plant, status="in_progress", quantity="100")
    for order, counts in ((few, 2), (many, 20)):
        for n in range(counts):
            report_quantity(job_order_id=factories.first_job(order).pk, good=Decimal(1), comment=str(n))
    take(auditor, few)

    assert asked(many) == asked(few)


# --- It proves itself --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_sealed_copy_is_intact_and_every_flipped_byte_shows(auditor, story, tmp_path):
    seal_everything()
    factories.line("LATER")
    seal_everything()
    key = tmp_path / "key.txt"
    key.write_text(KEY.public.text)

    copy = take(auditor, story.order)

    path = tmp_path / "copy.zip"
    path.write_bytes(copy.raw)
    code, said = verify(path, "--key", str(key))
    assert (code, said.splitlines()[-1]) == (0, "INTACT"), said
    counts = copy.json["counts"]
    assert counts["entries_sealed"] == counts["entries"] == len(copy.files["entries.ndjson"].splitlines())
    assert f"entries: {counts['entries']}, each in the log" in said
    assert any(name.startswith("witness/") for name in copy.files)
    assert copy.json["left_out"][-1].startswith("Key figures")
    flipped = range(7, len(copy.raw), len(copy.raw) // 25)
    for at in flipped:
        raw = bytearray(copy.raw)
        raw[at] ^= 1
        path.write_bytes(raw)
        assert verify(path)[0] in (1, 2), at


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_its_seal_is_said_in_each_form(auditor, story, tmp_path, settings, monkeypatch):
    seal_everything()
    with change("update_work_order", "noch eine"):
        WorkOrder.objects.filter(pk=story.order.pk).update(priority=1, version=story.order.version + 1)

    copy = take(auditor, story.order)

    counts = copy.json["counts"]
    assert counts["entries"] - counts["entries_sealed"] == 1
    assert copy.manifest["counts"]["entries_sealed"] == counts["entries_sealed"]
    assert "1 entry of the journal was not sealed yet" in text_of(copy.files["record.pdf"])
    assert [entry["reason"] for entry in copy.json["entries"] if entry["seal"] is None] == ["noch eine"]
    (tmp_path / "copy.zip").write_bytes(copy.raw)
    assert verify(tmp_path / "copy.zip")[0] == 0
    settings.SIGNATURE_SEAL_WAIT = 5
    monkeypatch.setattr("audit.seal_wait._ask_sealer", seal_everything)
    waited = take(auditor, story.order).json["counts"]
    assert waited["entries"] == waited["entries_sealed"]


@pytest.mark.django_db(transaction=True)
def test_a_plant_without_seals_gives_a_copy_that_says_so(auditor, story, tmp_path):
    copy = take(auditor, story.order)

    assert "checkpoint.txt" not in copy.files
    assert any("not sealed yet" in text for text in copy.json["left_out"])
    (tmp_path / "copy.zip").write_bytes(copy.raw)
    code, said = verify(tmp_path / "copy.zip")
    assert (code, said.splitlines()[-1]) == (2, "CANNOT BE CHECKED")


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_the_reader_holds_can_be_compared(auditor, story, tmp_path):
    seal_everything()
    held = auditor.get("/api/v1/audit/checkpoints/?limit=1").json()["results"][0]
    for n in range(3):
        factories.line(f"LATER{n}")
        seal_everything()
    note = tmp_path / "mail.txt"
    note.write_text(held["note"])
    address = f"/api/v1/audit/records/work_orders/{story.order.pk}/bundle/?holds={held['size']}"
    (tmp_path / "copy.zip").write_bytes(body(auditor.get(address)))

    code, said = verify(tmp_path / "copy.zip", "--witness", str(note))

    assert code == 0, said
    assert f"{held['size']} entries, one log with the checkpoint" in said
    assert auditor.get(address.replace("holds=", "holds=x")).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_row_changed_behind_the_application_differs_from_its_sealed_entries(auditor, story):
    """The copy shows what the database holds; its entries are what was sealed, and the two are compared."""
    seal_everything()
    as_administrator("UPDATE work_orders SET special_instructions = 'forged' WHERE work_order_number = 'WO-COPY'")

    copy = take(auditor, story.order)

    assert values_of(copy.json["record"])["special_instructions"] == "forged"
    assert not any("forged" in str(entry["new"]) for entry in copy.json["entries"])
    assert "differs from the journal" in text_of(copy.files["record.pdf"])
