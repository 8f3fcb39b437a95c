"""Through each door of the product: page, API, admin, command, task. The entries name the person, door and request."""

import datetime as dt
from collections import Counter
from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services.users import create_user, update_user
from audit import records
from audit.journal import change
from equipment.models import Area, ProductionLine
from inventory.models import Material
from production.models import ScheduledShift
from production.tasks import plan_shifts
from tests import factories
from tests.audit.journal import REASON, entries, full_plant, historical, last_id, nothing_kept, regulated
from tests.conftest import PASSWORD
from tests.shared import shared

pytestmark = pytest.mark.django_db

ORDERS = "/api/v1/work-orders/"


@pytest.fixture(autouse=True)
def _fresh_throttles():
    cache.clear()


@pytest.fixture
def api(user_of):
    """`api("planner")` is a client with a token of that role, got with its password."""

    def make(role: str) -> APIClient:
        client = APIClient()
        signed_in = {"username": user_of(role).username, "password": PASSWORD}
        token = client.post("/api/v1/auth/token/", signed_in).json()["access"]
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return make


def said(entry: dict, *names: str) -> tuple:
    return tuple(entry[name] for name in names)


def counted(found: list[dict]) -> dict[tuple[str, str], int]:
    return Counter(said(entry, "table_name", "op") for entry in found)


# --- API -------------------------------------------------------------------------------------------------


def new_order(plant) -> dict:
    return {
        "work_order_number": "WO-API-1",
        "product_id": str(plant.product.pk),
        "production_line_id": str(plant.line.pk),
        "planned_quantity": "10",
        "scheduled_start": "2026-01-31T08:00:00+09:00",
        "scheduled_end": "2026-01-31T16:00:00+09:00",
    }


def test_an_api_post_is_one_entry_of_that_person_and_request(plant, api, user_of):
    client = api("planner")
    start = last_id()

    answer = client.post(ORDERS, new_order(plant), headers={"X-Station": "Bay 7"})

    (entry,) = entries(start)
    assert answer.status_code == 201
    assert said(entry, "table_name", "op", "pk") == ("work_orders", "I", answer.json()["id"])
    assert said(entry, "actor_id", "actor_name") == (str(user_of("planner").pk), "Test planner")
    assert said(entry, "source", "request_id", "station") == ("api", answer["X-Request-ID"], "Bay 7")
    assert entry["new"]["scheduled_start"] == "2026-01-30T23:00:00+00:00"


def test_an_api_patch_tells_the_changed_fields_and_the_reason(plant, api):
    order = factories.work_order(plant)
    client = api("planner")
    start = last_id()

    answer = client.patch(f"{ORDERS}{order.pk}/", {"priority": 1, "reason": REASON})

    (entry,) = entries(start)
    assert answer.status_code == 200, answer.json()
    assert (entry["old"]["priority"], entry["new"]["priority"]) == (5, 1)
    assert set(entry["changed"]) == {"priority", "version", "updated_at", "updated_by_id", "data_integrity_hash"}
    assert said(entry, "reason_code", "reason", "source") == ("update_work_order", REASON, "api")
    assert entry["request_id"] == answer["X-Request-ID"]


@pytest.mark.parametrize("reason", [{}, {"reason": ""}, {"reason": "."}, {"reason": "ok"}, {"reason": "変更"}])
def test_an_api_patch_without_a_reason_is_refused_and_changes_nothing(plant, api, reason):
    order = factories.work_order(plant)
    client = api("planner")
    start = last_id()

    answer = client.patch(f"{ORDERS}{order.pk}/", {"priority": 1} | reason)

    order.refresh_from_db()
    assert answer.status_code == 422
    assert answer.json()["code"] == "reason_required"
    assert list(answer.json()["errors"]) == ["reason"]
    assert (order.priority, order.version) == (5, 1)
    assert entries(start) == []


def test_a_refused_request_leaves_no_entry(plant, api):
    client = api("planner")
    start = last_id()

    answer = client.post(ORDERS, new_order(plant) | {"planned_quantity": "-1"})

    assert answer.status_code == 422
    assert entries(start) == []


# --- Admin and pages -------------------------------------------------------------------------------------


def test_an_admin_save_is_one_entry(client, user_of, as_admin):
    line = factories.line("LA")
    client.force_login(user_of("planner"))
    start = last_id()

    answer = client.post(
        reverse("admin:equipment_productionline_change", args=[line.pk]),
        {
            "area": line.area_id,
            "line_code": "LA",
            "line_name": "Renamed",
            "capacity_per_hour": 60,
            "efficiency_rate": line.efficiency_rate,
            "is_active": "on",
            "seen_version": 1,
            "change_reason": REASON,
        },
    )

    (entry,) = entries(start)
    assert answer.status_code == 302
    assert said(entry, "table_name", "op", "pk") == ("production_lines", "U", str(line.pk))
    assert said(entry, "source", "actor_name", "reason") == ("admin", "Test planner", REASON)
    assert entry["new"]["line_name"] == "Renamed"
    assert entry["request_id"] == answer["X-Request-ID"]


def test_an_admin_save_with_a_reason_that_says_nothing_comes_back(client, user_of, as_admin):
    material = factories.product("GEAR")
    client.force_login(user_of("planner"))
    form = {
        "product_code": "GEAR",
        "product_name": "Renamed",
        "product_type": "finished",
        "product_version": material.product_version,
        "uom": "pcs",
        "is_active": "on",
        "standard_cycle_time": "",
        "target_yield_rate": "95",
        "overproduction_tolerance": "0",
        "seen_version": 1,
        "change_reason": "...",
    }
    start = last_id()

    answer = client.post(reverse("admin:inventory_material_change", args=[material.pk]), form)

    assert answer.status_code == 200
    assert 'value="Renamed"' in answer.content.decode()
    assert Material.objects.get(pk=material.pk).product_name == "Product GEAR"
    assert entries(start) == []


def test_a_step_on_a_page_is_entries_of_one_request(plant, signed_in):
    order = factories.work_order(plant, status="planned")
    client = signed_in("supervisor")
    start = last_id()

    answer = client.post(reverse("production:work-order-cancel", args=[order.pk]), {"reason": "Customer gone"})

    found = entries(start)
    jobs = order.job_orders.count()
    assert counted(found) == {
        ("work_orders", "U"): 1,
        ("production_joborder", "U"): jobs,
        ("audit_statechange", "I"): 1 + jobs,
    }
    assert {said(entry, "actor_name", "source", "reason_code", "reason") for entry in found} == {
        ("Test supervisor", "web", "cancel_work_order", "Customer gone")
    }
    assert {entry["request_id"] for entry in found} == {answer["X-Request-ID"]}


def test_two_requests_are_two_request_ids(plant, api):
    order = factories.work_order(plant)
    client = api("planner")
    start = last_id()

    for priority in (1, 2):
        client.patch(f"{ORDERS}{order.pk}/", {"priority": priority, "reason": REASON})

    assert len({entry["request_id"] for entry in entries(start)}) == 2


def test_signing_in_is_no_change_of_the_account(client, user_of):
    person = user_of("planner")
    start = last_id()

    answer = client.post(reverse("accounts:login"), {"username": person.username, "password": PASSWORD})

    person.refresh_from_db()
    assert answer.status_code == 302
    assert timezone.now() - person.last_login < dt.timedelta(minutes=1)
    assert entries(start, table="accounts_user") == []


def test_a_person_who_changes_the_own_password_is_the_actor(user_of):
    person = user_of("planner")
    client = Client()
    client.force_login(person)
    start = last_id()

    answer = client.post(
        reverse("accounts:password-change"),
        {"old_password": PASSWORD, "new_password1": "Kupplung-Flansch-7", "new_password2": "Kupplung-Flansch-7"},
    )

    (entry,) = entries(start, table="accounts_user")
    assert answer.status_code == 302
    changed = ["password", "password_changed_at", "previous_passwords"]
    assert said(entry, "table_name", "op", "changed") == ("accounts_user", "U", changed)
    assert said(entry, "actor_id", "pk", "source") == (str(person.pk), str(person.pk), "web")


# --- Command, task, bulk ---------------------------------------------------------------------------------


def test_a_task_writes_under_the_system_account(plant):
    factories.shift()
    start = last_id()

    plan_shifts()

    found = entries(start, table="production_scheduledshift")
    assert len(found) == ScheduledShift.objects.count() > 0
    assert {entry["pk"] for entry in found} == {str(pk) for pk in ScheduledShift.objects.values_list("pk", flat=True)}
    assert {said(entry, "op", "actor_name", "actor_type", "source", "reason_code") for entry in found} == {
        ("I", "Genba (system)", "system", "task:production.plan_shifts", "plan_shifts")
    }
    plan_shifts()
    assert len(entries(start, table="production_scheduledshift")) == len(found)  # again: nothing new, no entry


def test_an_import_is_an_entry_for_each_row_of_each_table(db):
    folder = shared("data", "nist-sms-box-assembly")
    start = last_id()
    rows = {model: model._base_manager.count() for model in regulated()}

    call_command("import_nist_box_assembly", str(folder), stdout=StringIO())

    found = entries(start)
    gained = {
        model._meta.db_table: model._base_manager.count() - before
        for model, before in rows.items()
        if model._base_manager.count() != before
    }
    assert gained["production_operationrun"] > 50
    assert {table: n for (table, op), n in counted(found).items() if op == "I"} == gained
    assert {said(entry, "actor_name", "source") for entry in found} == {
        ("Genba (installation)", "installation"),  # sets up the importer's account
        ("NIST import", "command:import_nist_box_assembly"),
    }
    assert all(entry["reason_code"] for entry in found)


def test_ten_thousand_rows_in_bulk_are_ten_thousand_entries(plant):
    shift = factories.shift()
    first, begins = dt.date(2030, 1, 1), dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    rows = [
        ScheduledShift(
            line=plant.line,
            shift=shift,
            production_date=first + dt.timedelta(days=n),
            starts_at=begins + dt.timedelta(days=n),
            ends_at=begins + dt.timedelta(days=n, hours=8),
        )
        for n in range(10_000)
    ]
    start = last_id()

    with change("plan_shifts"):
        ScheduledShift.objects.bulk_create(rows)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT pk), count(DISTINCT xid), count(DISTINCT new ->> 'production_date') "
            "FROM journal_entry WHERE id > %s AND op = 'I' AND table_name = 'production_scheduledshift'",
            [start],
        )
        assert cursor.fetchone() == (10_000, 10_000, 1, 10_000)


# --- Links and dependent rows ----------------------------------------------------------------------------


@pytest.fixture
def person(as_admin) -> User:
    return create_user(username="linked", printed_name="Linked", roles=["operator"])


@pytest.mark.parametrize(
    ("write", "ops"),
    [
        (lambda groups, role: groups.add(role("planner"), role("auditor")), {"I": 2}),
        (lambda groups, role: groups.add(role("operator")), {}),
        (lambda groups, role: groups.remove(role("operator")), {"D": 1}),
        (lambda groups, role: groups.clear(), {"D": 1}),
        (lambda groups, role: groups.set([role("planner"), role("auditor")]), {"I": 2, "D": 1}),
        (lambda groups, role: groups.set([role("operator")]), {}),
    ],
    ids=["add", "add again", "remove", "clear", "set", "set the same"],
)
def test_links_are_journalled_one_by_one(person, write, ops):
    start = last_id()

    with change("update_user", REASON):
        write(person.groups, lambda name: User.groups.rel.model.objects.get(name=name))

    found = entries(start)
    counts = {op: sum(entry["op"] == op for entry in found) for op in ("I", "D")}
    assert counts == {"I": 0, "D": 0} | ops
    assert {entry["table_name"] for entry in found} <= {"accounts_user_groups"}
    assert {(entry["new"] or entry["old"])["user_id"] for entry in found} <= {str(person.pk)}


def test_a_change_of_roles_by_its_service_says_who_and_why(person, as_admin):
    start = last_id()

    update_user(user_id=person.pk, roles=["planner"], reason=REASON)

    found = entries(start, table="accounts_user_groups")
    assert sorted(entry["op"] for entry in found) == ["D", "I"]
    assert {said(entry, "actor_name", "reason") for entry in found} == {("Test admin", REASON)}


def test_what_goes_with_a_deleted_row_is_in_the_journal_as_well(as_admin):
    role = User.groups.rel.model.objects.get(name="operator")
    with change("arrange_test"):
        full_plant()
    links = {
        "auth_group_permissions": role.permissions.count(),
        "accounts_user_groups": role.user_set.count(),
        "auth_group": 1,
    }
    start = last_id()

    with nothing_kept(), change("delete_role", REASON):
        role.delete()

    assert min(links.values()) >= 1
    assert counted(entries(start)) == {(table, "D"): n for table, n in links.items()}


def test_each_version_people_read_has_its_entry_of_the_same_record(as_admin):
    """Changes are in both. A first version may be in the journal alone: past states are read in as they were."""
    start = last_id()
    installed = {past: set(past.objects.values_list("history_id", flat=True)) for past in historical()}
    full_plant()
    line = ProductionLine.objects.first()
    records.update(line, line_name="Renamed", reason=REASON)
    records.create_many([Area(site=factories.site(), code=f"B{n}", name="Hall") for n in range(3)])

    kinds = {"+": "I", "~": "U", "-": "D"}
    for past in historical():
        model = past.instance_type
        key = model._meta.pk.attname
        derived = set(getattr(model, "DERIVED_FIELDS", ()))  # sums of reports, which are the record themselves
        found = [e for e in entries(start, table=model._meta.db_table) if e["op"] != "U" or set(e["changed"]) - derived]
        written = [(entry["pk"], entry["op"]) for entry in found]
        since = past.objects.exclude(history_id__in=installed[past])
        read = [(str(getattr(row, key)), kinds[row.history_type]) for row in since]
        assert [e for e in sorted(written) if e[1] != "I"] == [e for e in sorted(read) if e[1] != "I"], past
        assert Counter(read) <= Counter(written), past
