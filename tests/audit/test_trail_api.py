"""/api/v1/audit/: what programs read of the trail, and proofs that hold without trusting this server."""

import base64

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.canonical_entry import leaf_bytes
from audit.checkpoint import PublicKey, open_checkpoint
from audit.journal import change
from audit.merkle import leaf_hash, verify_inclusion
from audit.models import JournalEntry, JournalSeal, Signature
from audit.seal_wait import sealed_signatures, wait_for_seal
from equipment.services.line_assignments import assign_line
from mfg_project.celery import app as celery
from tests import factories
from tests.audit.test_sealing import KEY, seal_all
from tests.database import database
from tests.signing import filled

ENTRIES = "/api/v1/audit/entries/"


@pytest.fixture
def sealer():
    with database.psycopg("sealer") as own:
        own.autocommit = True
        yield own


@pytest.fixture
def auditor(client, user_of):
    client.force_login(user_of("auditor"))
    return client


@pytest.mark.django_db
def test_entries_follow_each_other_to_the_end(auditor, plant):
    factories.work_order(plant)
    seen, address = [], f"{ENTRIES}?limit=7"
    while address:
        page = auditor.get(address).json()
        seen += [entry["id"] for entry in page["results"]]
        address = page["next"]

    assert seen == list(JournalEntry.objects.order_by("-id").values_list("id", flat=True))


@pytest.mark.django_db
def test_a_list_of_entries_costs_the_same_for_few_and_many(auditor, plant):
    with CaptureQueriesContext(connection) as few:
        auditor.get(f"{ENTRIES}?limit=2")
    with CaptureQueriesContext(connection) as many:
        auditor.get(f"{ENTRIES}?limit=50")

    assert len(few) == len(many) <= 9


@pytest.mark.django_db
def test_entries_are_found_by_record_act_field_and_reason(auditor, plant):
    order = factories.work_order(plant, status="planned")
    of_order = auditor.get(f"{ENTRIES}?table=work_orders&record={order.pk}").json()["results"]

    assert [entry["operation"] for entry in of_order] == ["UPDATE", "INSERT"]
    assert of_order[0]["old"]["status"] == "created"
    assert of_order[0]["actor_name"]
    assert of_order[0]["seal"] is None
    one_act = auditor.get(f"{ENTRIES}?request_id={of_order[0]['request_id']}").json()["results"]
    assert {"work_orders", "audit_statechange"} <= {entry["table"] for entry in one_act}
    by_field = auditor.get(f"{ENTRIES}?table=work_orders&field=status&operation=UPDATE").json()["results"]
    assert [entry["id"] for entry in by_field] == [of_order[0]["id"]]
    assert auditor.get(f"{ENTRIES}{of_order[1]['id']}/").json() == of_order[1]
    assert auditor.get(f"{ENTRIES}?since=2200-01-01T00:00:00Z").json()["results"] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["limit=0", "before=x", "operation=I", "record=1", "since=2026-01-01T00:00:00", "page=2"]
)
def test_a_query_that_means_nothing_is_refused(auditor, query):
    assert auditor.get(f"{ENTRIES}?{query}").status_code == 400


@pytest.mark.django_db
def test_the_trail_needs_its_permission_and_nobody_writes(client, user_of, auditor, plant):
    addresses = [ENTRIES, f"{ENTRIES}1/proof/", "/api/v1/audit/checkpoints/"]
    assert [auditor.post(address).status_code for address in addresses] == [405, 405, 405]

    client.force_login(user_of("supervisor"))

    assert [client.get(address).status_code for address in addresses] == [403, 403, 403]


@pytest.mark.django_db
def test_an_account_of_some_lines_asks_for_one_record_at_a_time(client, user_of, plant):
    other = factories.plant()
    mine, theirs = factories.work_order(plant), factories.work_order(other)
    user = user_of("auditor")
    assign_line(user_id=user.pk, line_id=plant.line.pk)
    client.force_login(user)
    entry_of = {o.pk: JournalEntry.objects.filter(pk_text=str(o.pk)).first().pk for o in (mine, theirs)}

    assert client.get(ENTRIES).status_code == 403
    assert client.get(f"{ENTRIES}?table=work_orders&record={mine.pk}").json()["results"]
    assert client.get(f"{ENTRIES}?table=work_orders&record={theirs.pk}").status_code == 404
    assert client.get(f"{ENTRIES}{entry_of[mine.pk]}/").status_code == 200
    assert client.get(f"{ENTRIES}{entry_of[theirs.pk]}/").status_code == 404
    assert client.get(f"{ENTRIES}{entry_of[theirs.pk]}/proof/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_proof_holds_with_the_public_key_alone(auditor, plant, sealer):
    order = factories.work_order(plant)
    entry = JournalEntry.objects.get(pk_text=str(order.pk), op="I")
    pending = auditor.get(f"{ENTRIES}{entry.pk}/proof/")
    assert (pending.status_code, pending.json()["code"]) == (409, "pending_seal")
    seal_all(sealer)

    proof = auditor.get(f"{ENTRIES}{entry.pk}/proof/").json()

    leaf = leaf_hash(leaf_bytes(proof["entry"]))
    path = [base64.b64decode(node) for node in proof["inclusion_proof"]]
    checkpoint = open_checkpoint(proof["checkpoint"], PublicKey.parse(proof["public_key"]))
    assert base64.b64decode(proof["leaf_hash"]) == leaf
    assert verify_inclusion(leaf, proof["leaf_index"], checkpoint.size, path, checkpoint.root)
    assert proof["public_key"] == KEY.public.text
    seen = auditor.get(f"{ENTRIES}{entry.pk}/").json()["seal"]
    assert seen == {"epoch": proof["epoch"], "index": proof["leaf_index"]}
    with change("update_record", "Kunde wartet"):
        factories.line("LATER")
    seal_all(sealer)
    notes = auditor.get("/api/v1/audit/checkpoints/?limit=1").json()
    assert notes["results"][0]["size"] > checkpoint.size
    older = auditor.get(notes["next"]).json()["results"]
    assert older[0]["note"] == proof["checkpoint"]


@pytest.mark.django_db(transaction=True)
def test_a_signature_is_called_sealed_when_it_is_and_pending_until_then(client, user_of, plant, sealer, settings):
    order = factories.work_order(plant, status="released")
    signature = Signature.objects.get(record_pk=str(order.pk))
    client.force_login(user_of("qa_manager"))
    page = f"/orders/{order.pk}/"
    assert not wait_for_seal(signature)
    assert b"Pending seal" in client.get(page).content

    seal_all(sealer)

    assert sealed_signatures([signature]) == {str(signature.pk)}
    assert wait_for_seal(signature)
    shown = client.get(page).content
    assert b"Sealed in the journal." in shown
    assert b"Pending seal" not in shown
    found = client.get("/api/v1/audit/signatures/").json()["results"]
    assert [row["digest"] for row in found] == [signature.digest]


@pytest.mark.django_db(transaction=True)
def test_signing_says_whether_the_seal_is_there(client, user_of, plant, settings, monkeypatch, sealer):
    """The sealer is asked after the commit; its work is done here, in the test, in its place."""
    asked = []

    def ask():
        asked.append(seal_all(sealer))

    monkeypatch.setattr("audit.seal_wait._ask_sealer", ask)
    settings.SIGNATURE_SEAL_WAIT = 0.3
    client.force_login(user_of("qa_manager"))

    said = _release(client, factories.work_order(plant, status="planned"))
    monkeypatch.setattr("audit.seal_wait._ask_sealer", lambda: None)
    late = _release(client, factories.work_order(plant, status="planned"))

    assert asked
    assert said.endswith("· sealed")
    assert late.endswith("· pending seal")


def _release(client, order) -> str:
    address = f"/orders/{order.pk}/release/"
    page = client.get(address)
    answer = client.post(address, filled(page, page.wsgi_request.user), follow=True)
    return str(next(iter(answer.context["messages"])))


@pytest.mark.django_db
def test_without_a_broker_signing_goes_on(settings, monkeypatch, plant, caplog):
    settings.SIGNATURE_SEAL_WAIT = 0.2
    monkeypatch.setattr(celery.conf, "broker_url", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(celery, "_pool", None)  # an earlier test may have left connections to a broker that answers
    monkeypatch.setattr(celery.amqp, "_producer_pool", None)
    order = factories.work_order(plant, status="released")

    assert not wait_for_seal(Signature.objects.get(record_pk=str(order.pk)))
    assert "sealer_not_asked" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_admin_shows_journal_and_seals_and_counts_neither(client, user_of, plant, sealer):
    factories.work_order(plant)
    seal_all(sealer)
    client.force_login(user_of("auditor"))
    entry, sealed = JournalEntry.objects.last(), JournalSeal.objects.first()

    with CaptureQueriesContext(connection) as asked:
        pages = [
            client.get("/admin/audit/journalentry/"),
            client.get(f"/admin/audit/journalentry/?q={entry.request_id}"),
            client.get(f"/admin/audit/journalentry/{entry.pk}/change/"),
            client.get("/admin/audit/journalseal/"),
            client.get(f"/admin/audit/journalseal/{sealed.pk}/change/"),
        ]

    assert [page.status_code for page in pages] == [200] * 5
    assert sealed.root in pages[3].content.decode()
    assert KEY.name in pages[4].content.decode()
    counts = [query["sql"] for query in asked if "COUNT(" in query["sql"] and "journal_" in query["sql"]]
    assert all("LIMIT 10001" in sql for sql in counts)
    assert client.post(f"/admin/audit/journalentry/{entry.pk}/change/", {"reason": "x"}).status_code == 403
    assert client.get("/admin/audit/journalseal/x-1/change/").status_code == 302


def test_the_models_refuse_to_write():
    for attempt in (JournalEntry().save, JournalSeal().delete, JournalEntry.objects.none().update):
        with pytest.raises(TypeError, match="read only"):
            attempt()
