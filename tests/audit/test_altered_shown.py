"""Who edits a row past the triggers is seen at once: on the page of the record, in its trail, in what is exported."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit import records
from audit.models import Signature
from audit.queries.integrity import differences
from audit.tasks import verify_journal
from mfg_project.common.altered import WORDS, altered
from production.models import JobOrder, WorkOrder
from tests import factories
from tests.audit.journal import full_plant
from tests.audit.sealed import as_administrator, seal_everything
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
SAID = "This record was altered outside Genba."


@pytest.fixture
def plant(as_admin):
    return full_plant()


@pytest.fixture
def read(as_admin):
    """`read("auditor", address)` is the text of a page as that role reads it."""

    def page(role: str, address: str) -> str:
        client = Client()
        client.force_login(factories.user(role, password=PASSWORD))
        response = client.get(address)
        assert response.status_code == 200, response.content
        return (b"".join(response) if response.streaming else response.content).decode()

    return page


def order_page(order: WorkOrder) -> str:
    return reverse("production:work-order-detail", args=[order.pk])


def trail_page(record) -> str:
    return reverse("trail:record", args=[record._meta.db_table, record.pk])


def forge(record, **values: object) -> None:
    changes = ", ".join(f"{name} = %({name})s" for name in values)
    as_administrator(f"UPDATE {record._meta.db_table} SET {changes} WHERE id = %(pk)s", pk=record.pk, **values)


def verified() -> None:
    seal_everything()
    verify_journal()


@pytest.mark.parametrize("role", ["operator", "supervisor", "auditor"])
def test_the_page_of_an_order_says_that_it_was_altered_past_the_log(plant, read, role):
    assert SAID not in read(role, order_page(plant.running))

    forge(plant.running, planned_quantity=77, special_instructions="<b>skip the test</b>")

    page = read(role, order_page(plant.running))
    assert SAID in page
    assert '<th scope="row">Planned quantity</th><td>10.0000</td><td>77.0000</td>' in page
    assert "&lt;b&gt;skip the test&lt;/b&gt;" in page
    assert SAID not in read(role, order_page(plant.planned))


def test_it_is_gone_when_the_value_is_what_the_log_says_and_the_verification_found_nothing(plant, read):
    before = WorkOrder.objects.get(pk=plant.running.pk).planned_quantity
    forge(plant.running, planned_quantity=77)
    forge(plant.running, planned_quantity=before)

    verified()

    assert SAID not in read("auditor", order_page(plant.running))


def test_what_was_altered_of_its_jobs_and_signatures_is_said_after_the_verification(plant, read):
    job = factories.first_job(plant.running)
    signature = Signature.objects.get(record_pk=str(plant.running.pk))
    forge(job, operation_name="Another operation")
    forge(signature, signer_name="Nobody")

    verified()

    page = read("supervisor", order_page(plant.running))
    assert SAID in page
    assert "Job order · Operation: the stored value is not the one of the audit trail" in page
    assert "Electronic signature · Printed name: the stored value is not the one of the audit trail" in page
    assert SAID not in read("supervisor", order_page(plant.planned))


def test_the_trail_and_its_exports_say_so_too(plant, read):
    job = factories.first_job(plant.running)
    address = f"?type={JobOrder._meta.db_table}&key={job.pk}"
    assert json.loads(read("auditor", f"/audit.json{address}"))["altered"] == []
    assert SAID not in read("auditor", f"/audit.csv{address}")

    forge(job, operation_name="Another operation")
    verified()

    page = read("auditor", trail_page(job))
    assert SAID in page
    assert "Another operation</td>" in page
    lines = json.loads(read("auditor", f"/audit.json{address}"))["altered"]
    assert lines[0] == SAID
    assert "Operation: Operation 1 in the audit trail, Another operation stored" in lines
    csv = read("auditor", f"/audit.csv{address}")
    assert all(line in csv for line in lines)


def test_the_list_of_orders_names_them_in_its_file(plant, read):
    forge(plant.running, planned_quantity=77)
    verified()

    lines = read("planner", reverse("production:work-order-csv")).splitlines()

    assert [line.split(",")[0] for line in lines if line.endswith(",yes")] == [plant.running.work_order_number]


def test_a_row_taken_away_past_the_log_is_told_by_its_trail(plant, read):
    line = factories.line("GONE")
    as_administrator("DELETE FROM production_lines WHERE id = %(pk)s", pk=line.pk)

    page = read("auditor", trail_page(line))

    assert SAID in page
    assert '<th scope="row">Production line</th><td>there</td><td>—</td>' in page


def test_a_row_put_in_past_the_log_is_told_by_its_trail(read):
    """Where every month is in the journal; else its beginning may lie in an archive, and the verification tells."""
    factories.line()
    copy = "01900000-0000-7000-8000-0000000000aa"
    as_administrator(
        "INSERT INTO production_lines SELECT (jsonb_populate_record(l, jsonb_build_object("
        "'id', %(pk)s::text, 'line_code', 'FALSE'))).* FROM production_lines l LIMIT 1",
        pk=copy,
    )

    assert "<td>—</td><td>there</td>" in read("auditor", reverse("trail:record", args=["production_lines", copy]))


def test_an_entry_of_its_trail_that_was_altered_is_said(plant, read):
    seal_everything()
    as_administrator(
        "UPDATE journal_entry SET reason = 'Forged' WHERE table_name = 'work_orders' AND pk = %(pk)s AND op = 'I'",
        pk=str(plant.running.pk),
    )
    verified()

    assert f"Work order: {WORDS['entry_altered']}" in read("auditor", order_page(plant.running))


def test_a_secret_that_was_altered_is_told_as_its_digest(plant):
    person = factories.user("operator", password=PASSWORD)
    as_administrator("UPDATE accounts_user SET password = 'a-forged-hash' WHERE id = %(pk)s", pk=person.pk)

    told = " ".join(altered(type(person), person.pk).lines())

    assert "Password" in told
    assert "sha256" in told
    assert "a-forged-hash" not in told
    assert person.password not in told


def test_asking_costs_two_queries_however_long_the_story(plant, django_assert_num_queries):
    order = WorkOrder.objects.get(pk=plant.running.pk)
    for n in range(5):
        records.update(order, special_instructions=f"Instruction {n}", reason="Another instruction")
    forge(order, priority=1)
    with django_assert_num_queries(2):
        assert altered(WorkOrder, order.pk, related={("production_joborder", "x")}).values


def test_a_record_deleted_and_made_again_is_as_its_last_entries_say(as_admin):
    """Links may go and come back; records are kept for years."""
    person = factories.user("operator", password=PASSWORD)
    link = User.groups.through.objects.get(user=person)
    again = {"id": link.pk, "user_id": link.user_id, "group_id": link.group_id}
    with factories.arranging():
        User.groups.through.objects.filter(pk=link.pk)._raw_delete("default")
    assert differences(type(link), link.pk) == []
    with factories.arranging():
        User.groups.through.objects.create(**again)

    assert differences(type(link), link.pk) == []
