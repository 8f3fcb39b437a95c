"""The audit trail as people read it: search, old beside new, rights, exports, and a price that does not grow."""

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import records, retention
from audit.context import act_as, acting
from audit.journal import change
from audit.models import JournalEntry
from audit.queries import trail
from audit.queries.coverage import integrity_coverage
from equipment.services.line_assignments import assign_line
from production.services.work_orders import hold_work_order
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
LIST = "/audit/"


@pytest.fixture
def auditor(signed_in):
    return signed_in("auditor")


def of(record) -> str:
    return reverse("trail:record", args=[record._meta.db_table, record.pk])


def text_of(response) -> str:
    body = b"".join(response) if response.streaming else response.content
    return body.decode()


def rows_of(response) -> list:
    return response.context["rows"]


def test_a_record_tells_who_changed_what_from_where_and_why(auditor, plant):
    order = factories.work_order(plant, work_order_number="WO-TRAIL")
    planner = factories.user("planner", password=PASSWORD)
    with act_as(planner, source="api"), change("update_record", "Kunde wartet"):
        records.update(order, priority=1, reason="Kunde wartet")

    rows = rows_of(auditor.get(of(order)))

    newest = rows[0]
    assert (newest.who, newest.reason, newest.source, newest.step) == (
        "Test planner",
        "Kunde wartet",
        "api",
        "update_record",
    )
    assert [(c.label, c.old.text, c.new.text) for c in newest.changes] == [("Priority", "Normal", "Urgent")]
    assert (newest.changes[0].old.raw, newest.changes[0].new.raw) == ("5", "1")
    assert {c.column for c in newest.more} >= {"version", "updated_at"}
    assert rows[-1].action == "Created"
    assert newest.when.endswith("+09:00")
    assert newest.utc.endswith("UTC")
    assert newest.sealed == ""


def test_a_record_says_how_long_it_is_kept(auditor, plant):
    text = text_of(auditor.get(of(plant.product)))
    assert re.search(r"Kept until 20\d\d-\d\d-\d\d", text)
    assert "Legal hold" not in text

    retention.place_hold(record_type=plant.product._meta.db_table, reason="Complaint")

    assert re.search(r"Legal hold since 20\d\d-\d\d-\d\d", text_of(auditor.get(of(plant.product))))
    assert "Legal hold" not in text_of(auditor.get(of(plant.stop_reason)))


def test_links_are_shown_by_the_name_they_have_now_and_their_key(auditor, plant):
    order = factories.work_order(plant)

    (created,) = [row for row in rows_of(auditor.get(of(order))) if row.action == "Created"]

    shown = {change.column: change.new for change in [*created.changes, *created.more]}
    assert plant.product.product_code in shown["product_id"].text
    assert shown["product_id"].raw == str(plant.product.pk)


def test_the_trail_is_read_in_japanese(auditor, plant):
    order = factories.work_order(plant)

    page = text_of(auditor.get(of(order), headers={"Accept-Language": "ja"}))

    assert "優先度" in page


def test_a_password_is_never_shown(auditor, as_admin):
    person = factories.user("operator", password=PASSWORD)

    page = text_of(auditor.get(of(person)))

    assert "not shown (" in page
    assert person.password not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("record=WO-A", {"WO-A"}),
        ("record=WO-A&type=work_orders", {"WO-A"}),
        ("record=WO-A&type=batches", set()),
        ("record=nothing-like-it", set()),
        ("who=test pLan", {"WO-B"}),
        ("who=nobody", set()),
        ("type=work_orders&action=U&field=priority", {"WO-B"}),
        ("type=work_orders&field=planned_quantity&action=U", set()),
        ("type=work_orders&reason=Werkzeug", {"WO-B"}),
        ("type=work_orders&source=api", {"WO-B"}),
        ("type=work_orders&source=admin", set()),
        ("type=work_orders&station=Platz", {"WO-B"}),
        ("type=work_orders&until=2020-01-01", set()),
        ("type=work_orders&since=2020-01-01T00:00", {"WO-A", "WO-B"}),
        ("type=work_orders&action=D", set()),
        ("type=work_orders&since=rubbish&action=X&request=1", {"WO-A", "WO-B"}),
    ],
)
def test_the_search_finds_what_is_asked_for(auditor, plant, query, found):
    factories.work_order(plant, work_order_number="WO-A")
    order = factories.work_order(plant, work_order_number="WO-B")
    planner = factories.user("planner", password=PASSWORD)
    with act_as(planner, source="api") as act, acting(replace(act, station="Platz 4")):
        records.update(order, priority=1, reason="Werkzeug fehlt")

    rows = rows_of(auditor.get(f"{LIST}?{query}"))

    assert {row.record for row in rows if row.record.startswith("WO-")} == found


def test_all_of_one_act_is_one_link_away(auditor, plant):
    order = factories.work_order(plant, status="planned")
    hold_work_order(work_order_id=order.pk, reason="Werkzeug fehlt")
    row = rows_of(auditor.get(of(order)))[0]

    together = rows_of(auditor.get(row.request_url))

    assert {"Work order", "State change"} <= {other.type for other in together}


def test_pages_follow_each_other_without_gap_or_overlap(auditor, plant):
    for n in range(4):
        factories.work_order(plant, work_order_number=f"WO-{n}")
    everything = list(JournalEntry.objects.order_by("-id").values_list("id", flat=True))
    seen, address = [], LIST
    while address:
        response = auditor.get(address)
        seen += [row.id for row in rows_of(response)]
        before = response.context["page"].before
        address = f"{LIST}?before={before}" if before else ""

    assert len(everything) > 50
    assert seen[-len(everything) :] == everything or seen == everything


@pytest.mark.parametrize("few", [5_000, 0])
def test_what_no_index_finds_is_searched_a_stretch_at_a_time(auditor, plant, monkeypatch, few):
    factories.work_order(plant, work_order_number="WO-OLD")
    with change("update_record", "Nadel im Heuhaufen"):
        factories.product()
        factories.line("NEEDLE")
    for _ in range(5):
        factories.product()
    monkeypatch.setattr(trail, "STRETCH", 7)
    monkeypatch.setattr(trail, "FEW", few)

    found, before, steps = [], None, 0
    while steps < 200:
        page = trail.search(
            trail.TrailFilter(tables=frozenset({"production_lines"}), reason="Heuhaufen"), before=before
        )
        found += [entry.table_name for entry in page.entries]
        before, steps = page.before, steps + 1
        if before is None:
            break
        assert page.looked_back_to is not None

    assert found == ["production_lines"]
    assert (steps > 1) == (few == 0)


def test_a_page_costs_the_same_for_few_entries_and_for_many(auditor, plant):
    factories.work_order(plant)
    with CaptureQueriesContext(connection) as few:
        auditor.get(f"{LIST}?type=work_orders")
    for n in range(5):
        factories.work_order(plant, work_order_number=f"WO-MORE-{n}")
    with CaptureQueriesContext(connection) as many:
        auditor.get(f"{LIST}?type=work_orders")

    assert len(many) == len(few) <= 14
    assert not any("OFFSET" in query["sql"] or "COUNT(" in query["sql"].upper() for query in many)


@pytest.mark.parametrize(
    ("role", "status"), [("auditor", 200), ("qa_manager", 200), ("supervisor", 403), ("operator", 403)]
)
def test_who_may_read_the_trail(client, user_of, plant, role, status):
    order = factories.work_order(plant)
    client.force_login(user_of(role))

    assert {client.get(address).status_code for address in (LIST, "/audit.csv", "/audit.json", of(order))} == {status}


def test_an_account_of_some_lines_reads_the_trail_of_their_records_only(client, user_of, plant):
    other = factories.plant()
    mine, theirs = (
        factories.work_order(plant, work_order_number="WO-MINE"),
        factories.work_order(other, work_order_number="WO-THEIRS"),
    )
    user = user_of("auditor")
    assign_line(user_id=user.pk, line_id=plant.line.pk)
    client.force_login(user)

    assert client.get(of(mine)).status_code == 200
    assert client.get(of(theirs)).status_code == 404
    assert [client.get(a).status_code for a in (LIST, "/audit.csv", "/audit.json")] == [403, 403, 403]
    query = "?type=work_orders&key={}"
    assert "WO-MINE" in text_of(client.get(f"/audit.csv{query.format(mine.pk)}"))
    assert client.get(f"/audit.csv{query.format(theirs.pk)}").status_code == 404
    assert client.get(f"{LIST}{query.format(theirs.pk)}").status_code == 404


@pytest.mark.parametrize("address", ["/audit/orders/1/", "/audit/work_orders/rubbish/", "/audit/django_session/1/"])
def test_what_is_no_record_is_not_found(auditor, address):
    assert auditor.get(address).status_code == 404


def test_the_csv_has_a_line_for_each_value_and_runs_nothing(auditor, plant):
    order = factories.work_order(plant, work_order_number="WO-CSV", special_instructions="old")
    with change("update_record", "Kunde wartet"):
        records.update(order, special_instructions="=1+1", planned_quantity=Decimal("12.5"), reason="Kunde wartet")

    text = text_of(auditor.get("/audit.csv?type=work_orders&action=U"))

    *lines, _end = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    changed = {line["Column"]: (line["Old"], line["New, as stored"]) for line in lines}
    assert changed["special_instructions"] == ("old", "'=1+1")
    assert changed["planned_quantity"] == ("10", "12.5")
    assert {(line["Record"], line["Reason"], line["Sealed"]) for line in lines} == {
        ("WO-CSV", "Kunde wartet", "pending")
    }


def test_the_json_holds_entries_as_they_are(auditor, plant):
    factories.work_order(plant)

    found = json.loads(text_of(auditor.get("/audit.json")))["entries"]

    assert found[0].keys() >= {"old", "new", "actor_name", "reason", "seal", "request_id"}
    assert json.loads(text_of(auditor.get("/audit.json?record=nothing-like-it")))["entries"] == []


def test_the_view_of_the_source_documents_says_the_same(plant):
    order = factories.work_order(plant, status="released")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM manufacturing_audit_log WHERE record_id = %s ORDER BY id", [str(order.pk)])
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    assert set(names) >= {
        "id", "table_name", "record_id", "operation_type", "user_id", "timestamp", "old_values", "new_values",
        "change_reason", "electronic_signature", "compliance_flags", "data_integrity_hash", "user_name",
        "processing_time_ms", "payload_size_bytes",
    }  # fmt: skip
    assert rows[0]["operation_type"] == "INSERT"
    assert all(len(row["data_integrity_hash"]) == 64 and row["payload_size_bytes"] > 2 for row in rows)
    assert all(row["processing_time_ms"] >= 0 for row in rows)
    assert [row for row in rows if row["electronic_signature"]][-1]["operation_type"] == "UPDATE"


def test_coverage_names_what_is_not_protected_yet(plant):
    factories.work_order(plant)

    (orders,) = [row for row in integrity_coverage() if row.table_name == "work_orders"]

    assert (orders.total_records, orders.hash_protected_records, orders.integrity_coverage_percent) == (1, 1, 100)
