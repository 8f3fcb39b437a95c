"""Every door of the product × every regulated model it writes: what changed is what the journal says, row by row.

The ways to write a row below the doors (save, bulk, raw SQL, COPY …) are in `test_journal_matrix.py`. Here the
tables are read whole before and after, so that neither a row without its entry nor an entry without its row can pass.
"""

import datetime as dt
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.cache import cache
from django.core.management import call_command
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tasks import deactivate_dormant
from audit.admin_base import ReadOnlyAdmin
from audit.tasks import (
    check_archives,
    dispatch_messages,
    mail_checkpoint,
    make_partitions,
    measure_coverage,
    seal_journal,
    timestamp_checkpoint,
    verify_journal,
    watch_evidence,
)
from mfg_project.celery import app as celery
from mfg_project.demo.simulator import SOURCE, Simulator
from production.models import WorkOrder
from production.tasks import plan_shifts, refresh_kpis
from telemetry.models import DataSource, Series
from telemetry.points import Sent
from telemetry.services.ingest import HISTORY, take
from telemetry.services.sources import issue_key
from telemetry.tasks import archive_readings, sum_up, turn_days
from tests import factories
from tests.admin.world import World
from tests.api.test_permission_first import ROUTES
from tests.audit.door_cases import API, PAGES, locked_operator
from tests.audit.doors import Form, Written, observed
from tests.audit.journal import REASON, full_plant, label, regulated
from tests.demo.conftest import Clock, build_plant
from tests.signing import filled

pytestmark = pytest.mark.django_db

FORMS = sorted(
    model._meta.label
    for model, its_admin in admin.site._registry.items()
    if label(model) in {label(each) for each in regulated()} and not isinstance(its_admin, ReadOnlyAdmin)
)
# Every regulated model, and by which doors its rows come and go. A new model is named here and gets its case below, or
# in the tests of what writes it ("elsewhere").
DOORS = {
    "accounts.Acknowledgement": {"elsewhere"},  # tests/accounts/test_statement.py
    "accounts.ProviderConfirmation": {"elsewhere"},  # tests/accounts/test_provider.py
    "accounts.SigningStatement": {"admin"},
    "accounts.TemporaryCode": {"elsewhere"},  # tests/accounts/test_temporary_codes.py
    "audit.ArchiveCheck": {"task"},
    "audit.Incident": {"task"},
    "audit.JournalArchive": {"elsewhere"},  # tests/audit/test_archive.py
    "audit.JournalMonth": {"elsewhere"},
    "audit.LegalHold": {"admin"},
    "audit.RetentionPolicy": {"admin"},
    "audit.SignaturePolicy": {"admin"},
    "audit.SigningWindow": {"page"},
    "audit.Timestamp": {"elsewhere"},
    "audit.TrailReview": {"elsewhere"},
    "django_celery_beat.ClockedSchedule": {"admin"},
    "django_celery_beat.CrontabSchedule": {"admin"},
    "django_celery_beat.IntervalSchedule": {"admin"},
    "django_celery_beat.PeriodicTask": {"admin"},
    "django_celery_beat.SolarSchedule": {"admin"},
    "accounts.SigningQualification": {"admin"},
    "accounts.User": {"admin", "page", "task", "connector", "command"},
    "accounts.User_groups": {"admin", "command"},
    "accounts.User_user_permissions": set(),  # no door: rights come with roles (accounts/roles.py)
    "audit.Outbox": {"page", "task"},
    "audit.SecurityEvent": {"page", "api"},
    "audit.Signature": {"page", "api", "command"},
    "audit.StateChange": {"page", "api", "admin", "connector", "command"},
    "audit.VerificationRun": {"task"},
    "auth.Group": set(),  # no door: migrations alone
    "auth.Group_permissions": set(),
    "equipment.Area": {"admin", "command"},
    "equipment.Equipment": {"admin", "command"},
    "equipment.LineAssignment": {"admin"},
    "equipment.LineStateInterval": {"page", "api", "connector", "command"},
    "equipment.ProductionLine": {"admin", "command"},
    "equipment.ReasonCode": {"admin", "command"},
    "equipment.Site": {"admin", "command"},
    "inventory.Material": {"admin", "api", "command"},
    "production.Batch": {"admin", "command"},
    "production.JobOrder": {"admin", "page", "api", "connector", "command"},
    "production.OperationRun": {"command"},
    "production.QuantityReport": {"page", "api", "connector", "command"},
    "production.Routing": {"admin", "command"},
    "production.RoutingOperation": {"admin", "command"},
    "production.ScheduledShift": {"task", "command"},
    "production.Shift": {"admin", "command"},
    "production.WorkOrder": {"admin", "page", "api", "connector", "command"},
    "telemetry.DataSource": {"admin", "command"},
    "telemetry.DeviceKey": {"admin"},
    "telemetry.ReadingArchive": {"task"},
    "telemetry.Series": {"admin", "page", "command"},
    "quality.Characteristic": {"admin", "command"},
    "quality.Measurement": {"page", "api", "command"},
    "quality.QualityCheck": {"page", "api", "command"},
}


@pytest.fixture(autouse=True)
def _fresh_throttles():
    cache.clear()


@pytest.fixture
def plant(as_admin) -> World:
    return full_plant()


def test_every_regulated_model_has_its_doors_named():
    assert set(DOORS) == {label(model) for model in regulated()}


def by_door(door: str) -> set[str]:
    return {model for model, doors in DOORS.items() if door in doors}


def said_by(user: Any, source: str, answer: Any = None) -> dict[str, Any]:
    """What each entry of one request has to say."""
    facts = {"actor_id": str(user.pk), "actor_name": user.printed_name, "source": source}
    return facts | ({"request_id": answer["X-Request-ID"]} if answer is not None else {})


# --- Administration --------------------------------------------------------------------------------------


TEXTS = (
    "printed_name",
    "name",
    "label",
    "line_name",
    "product_name",
    "special_instructions",
    "revision",
    "uom",
    "batch_number",
)
TURNED = {"equipment.LineAssignment": "is_active"}  # where a form has no text to change
CHANGED = {
    "audit.RetentionPolicy": {"basis": "Another contract"},
    "audit.SignaturePolicy": {"meanings_1": ["released", "reviewed"]},
    "django_celery_beat.ClockedSchedule": {"clocked_time_0": "2099-01-01"},
    "django_celery_beat.CrontabSchedule": {"hour": "5"},
    "django_celery_beat.IntervalSchedule": {"every": "2"},
    "django_celery_beat.SolarSchedule": {"latitude": "36"},
}
MADE_ONLY = {"accounts.SigningQualification", "accounts.SigningStatement", "audit.LegalHold"}  # never changed by a form
ADDED: dict[str, Callable[[World], dict[str, Any]]] = {
    "accounts.User": lambda world: {"username": "new.person", "printed_name": "New person", "roles": ["operator"]},
    "accounts.SigningQualification": lambda world: {
        "user": factories.user("planner").pk,
        "document_class": "passport",
        "training": "SOP-12 rev. 3",
        "valid_from": timezone.localdate(),
        "valid_until": timezone.localdate() + dt.timedelta(days=9),
    },
    "accounts.SigningStatement": lambda world: {
        "effective_from": timezone.localdate() + dt.timedelta(days=1),  # in the plant it may be tomorrow already
        "text_en": "My signature binds me.",
        "text_ja": "私の署名は私を拘束します。",
    },
    "audit.LegalHold": lambda world: {
        "record_type": "work_orders",
        "record_key": str(world.planned.pk),
        "reason": REASON,
    },
    "audit.RetentionPolicy": lambda world: {"record_type": "equipment_area", "years": "9", "basis": "Contract"},
    "audit.SignaturePolicy": lambda world: {
        "record_step": "production.workorder:cancel",
        "is_active": "on",
        "meanings_1": ["authorised"],
        "roles_1": ["supervisor"],
    },
    "django_celery_beat.IntervalSchedule": lambda world: {"every": "7", "period": "hours"},
    "django_celery_beat.SolarSchedule": lambda world: {"event": "sunset", "latitude": "1", "longitude": "1"},
    "equipment.LineAssignment": lambda world: {"user": factories.user("planner").pk, "line": world.plant.line.pk},
    "telemetry.DeviceKey": lambda world: {"source": DataSource.objects.first().pk, "label": "Ersatz"},
    "production.Routing": lambda world: {"product": factories.product().pk},
    "production.RoutingOperation": lambda world: {"sequence": 99},
    "production.WorkOrder": lambda world: {"work_order_number": "WO-DOOR-1", "product": world.plant.product.pk},
}
UNIQUE = ("code", "line_code", "product_code", "batch_number", "revision", "name", "work_order_number", "source_key")


def page_of(model: type, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def some(model: type) -> Any:
    rows = model._base_manager.order_by("pk")
    return rows.get(username="test-operator") if model is User else rows.first()


@pytest.fixture
def written_in_admin(plant, client, as_admin):
    """`written_in_admin(address, values)` sends a form of the administration and checks it against the journal."""
    client.force_login(as_admin)

    def send(address: str, values: dict[str, Any]) -> Written:
        with observed() as written:
            answer = client.post(address, values)
        form = (answer.context or {}).get("adminform") if answer.status_code == 200 else None
        assert answer.status_code == 302, form and (form.form.errors, values)
        assert written.differences(**said_by(as_admin, "admin", answer)) == []
        assert written.twice() == []
        return written

    return send


@pytest.mark.parametrize("name", FORMS)
def test_each_form_of_the_administration_is_one_entry_a_row(plant, client, as_admin, written_in_admin, name):
    model = apps.get_model(name)
    address = page_of(model, "change", some(model).pk)
    values = Form(client.get(address).content.decode()).values | {"change_reason": REASON}
    if name in TURNED:
        del values[TURNED[name]]
    elif name in CHANGED:
        values |= CHANGED[name]
    else:
        values[next(field for field in TEXTS if field in values)] = "変更 7"

    written = written_in_admin(address, values)

    assert name in written.models
    if not name.startswith("django_celery_beat"):  # its forms are not ours: the entry says that they changed it
        assert {entry["reason"] for entry in written.entries} == {REASON}


@pytest.mark.parametrize("name", sorted({*FORMS, *MADE_ONLY} - {"equipment.Site"}))
def test_each_new_record_of_the_administration_is_one_entry_a_row(plant, client, as_admin, written_in_admin, name):
    model = apps.get_model(name)
    address = page_of(model, "add")
    empty = Form(client.get(address).content.decode()).values
    alike = (
        {} if name in MADE_ONLY else Form(client.get(page_of(model, "change", some(model).pk)).content.decode()).values
    )
    values = empty | {field: value for field, value in alike.items() if field in empty and "FORMS" not in field}
    values |= {field: f"{values[field]}2" for field in UNIQUE if values.get(field)}
    if name in ADDED:
        values |= ADDED[name](plant)

    written = written_in_admin(address, values)

    assert name in written.models
    assert "I" in {entry["op"] for entry in written.entries}


def test_a_step_in_the_administration_is_one_entry_a_row(plant, written_in_admin):
    order = factories.work_order(plant.plant)

    written = written_in_admin(page_of(WorkOrder, "changelist") + f"{order.pk}/plan/", {})

    assert written.models == {"production.WorkOrder", "production.JobOrder", "audit.StateChange"}


def test_the_administration_writes_what_is_said_of_it():
    links = {"accounts.User_groups", "production.RoutingOperation", "audit.StateChange", "production.JobOrder"}
    assert by_door("admin") == {*FORMS, *MADE_ONLY} | links


# --- API -------------------------------------------------------------------------------------------------


def test_every_write_of_the_api_has_a_case():
    assert set(API) == set(ROUTES) - {("audit-verify-bundle", "create")}  # checks a file and writes nothing


@pytest.mark.parametrize(("name", "action"), API)
def test_each_write_of_the_api_is_one_entry_a_row(plant, user_of, name, action):
    about, body, role = API[name, action]
    record, sent, user = about(plant), body(plant), user_of(role)
    method, address = ROUTES[name, action]
    if record is not None:
        key = next(part for part in address.split("/") if part == "1" or part.startswith("01900000"))
        address = address.replace(f"/{key}/", f"/{record.pk}/")
    client = APIClient()
    client.force_authenticate(user)

    with observed() as written:
        answer = client.generic(method.upper(), address, _json(sent), content_type="application/json")

    assert answer.status_code in (200, 201), answer.json()
    assert written.rows
    assert written.differences(**said_by(user, "api", answer)) == []
    assert written.twice() == []
    assert written.models <= by_door("api")


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body)


# --- Pages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", PAGES)
def test_each_write_of_a_page_is_one_entry_a_row(plant, user_of, act):
    role, address, data = PAGES[act]
    path, values, client = address(plant), data(plant), Client()
    if role:
        client.force_login(user_of(role))
    if act == "release":
        values = filled(client.get(path), user_of(role))

    with observed() as written:
        answer = client.post(path, values)

    assert answer.status_code in (200, 204, 302) or act == "wrong password", answer.content.decode()[:2000]
    assert written.rows
    facts = said_by(user_of(role), "web", answer) if role else {"source": "web"}
    assert written.differences(**facts) == []
    assert written.twice() == []
    assert written.models <= by_door("page")


# --- Background tasks ------------------------------------------------------------------------------------


def dormant(_world: World) -> None:
    long_ago = timezone.now() - dt.timedelta(days=200)
    person = factories.user("operator")
    with factories.arranging():
        User.objects.filter(pk=person.pk).update(date_joined=long_ago, last_login=long_ago)


def old_reading() -> None:
    """Of a day that is archived, and leaves the database."""
    series = Series.objects.select_related("source").first()
    at = int((timezone.now() - dt.timedelta(days=200)).timestamp() * 1_000_000)
    take(lambda known: known.sources.get(series.source_id), Sent([series.source_key], [at], [1.0]), window=HISTORY)


# Name of the task -> what it needs, the task, and what it writes of the plant's records.
TASKS: dict[str, tuple[Callable[[World], Any], Callable[[], Any], set[str]]] = {
    "accounts.deactivate_dormant": (dormant, deactivate_dormant, {"accounts.User", "audit.SecurityEvent"}),
    "audit.verify_archives": (lambda world: None, check_archives, {"audit.ArchiveCheck"}),
    "audit.watch": (lambda world: None, watch_evidence, {"audit.Incident", "audit.Outbox"}),
    "audit.measure_coverage": (lambda world: None, measure_coverage, set()),
    "audit.mail_checkpoint": (lambda world: None, mail_checkpoint, set()),
    "audit.timestamp": (lambda world: None, timestamp_checkpoint, set()),  # off unless an authority is named
    "audit.dispatch": (lambda world: locked_operator(), dispatch_messages, {"audit.Outbox"}),
    "audit.make_partitions": (lambda world: None, make_partitions, set()),
    "audit.seal": (lambda world: None, seal_journal, set()),  # seals are no records of the plant
    "audit.verify": (lambda world: None, verify_journal, {"audit.VerificationRun"}),
    "production.plan_shifts": (lambda world: None, plan_shifts, {"production.ScheduledShift"}),
    "production.refresh_kpis": (lambda world: None, refresh_kpis, set()),  # derived, and exempt
    "telemetry.sum_up": (lambda world: None, sum_up, set()),  # derived
    "telemetry.turn_days": (lambda world: None, turn_days, set()),
    "telemetry.archive": (lambda world: old_reading(), archive_readings, {"telemetry.ReadingArchive"}),
}


def test_every_task_has_a_case():
    celery.loader.import_default_modules()
    ours = {name for name in celery.tasks if not name.startswith("celery.")}

    assert ours == set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_each_task_writes_one_entry_a_row(plant, settings, tmp_path, name):
    settings.DORMANT_DAYS, settings.SECURITY_EMAILS = 90, ["qa@plant.example"]
    settings.TELEMETRY_ARCHIVE_DIR = str(tmp_path)
    prepare, task, written_models = TASKS[name]
    prepare(plant)

    with observed() as written:
        task()

    assert written.models == written_models
    assert written.differences(**({"source": f"task:{name}"} if written_models else {})) == []
    assert written.twice() == []
    assert {entry["actor_type"] for entry in written.entries} <= {"system"}


# --- Connector and commands --------------------------------------------------------------------------------


def test_a_machine_that_reports_writes_one_entry_a_row(db, monkeypatch):
    monkeypatch.setattr("mfg_project.demo.orders.PIECES", (8, 12, 16))
    build_plant(released=5)
    simulator = Simulator(seed=20)

    with observed() as written:
        Clock().run(simulator, seconds=240)

    assert written.models >= {"production.JobOrder", "production.QuantityReport", "equipment.LineStateInterval"}
    assert written.models <= by_door("connector")
    facts = {"source": SOURCE, "actor_name": simulator.user.printed_name, "actor_type": "system"}
    assert written.differences(**facts) == []


def test_what_a_device_sends_is_no_record_of_the_plant(plant, client):
    """Readings have no entry each (docs/decisions/0021): nobody can change one, and what makes a series of them is."""
    source = DataSource.objects.first()
    _key, text = issue_key(source_id=source.pk, label="Gateway")

    with observed() as written:
        lines = client.post(
            "/api/v2/write", "a b=1", content_type="text/plain", headers={"authorization": f"Token {text}"}
        )
        body = json.dumps({"readings": [{"series": "known", "time": 1, "value": 1}]})
        rows = client.post(
            "/api/v1/readings/", body, content_type="application/json", headers={"authorization": f"Token {text}"}
        )

    assert (lines.status_code, rows.status_code) == (204, 200)
    assert not written.rows


def test_the_demo_plant_is_loaded_with_one_entry_a_row(db, monkeypatch):
    monkeypatch.setattr("mfg_project.demo.load.DAYS_BACK", 2)

    with observed() as written:
        call_command("load_demo", stdout=StringIO())

    assert written.differences() == []
    assert written.models >= {"production.WorkOrder", "quality.Measurement", "equipment.Site"}
    assert all(entry["actor_name"] and entry["reason_code"] for entry in written.entries)


# --- What goes by itself -----------------------------------------------------------------------------------


def test_every_link_that_deletes_or_empties_by_itself_is_known():
    """A row lost with another one is in the journal, too: these have their test in `test_journal_doors.py`."""
    found = {
        (label(model), field.name)
        for model in regulated()
        for field in model._meta.concrete_fields
        if field.remote_field and field.remote_field.on_delete not in (models.PROTECT, models.DO_NOTHING)
    }

    assert found == {
        ("accounts.User_groups", "user"),
        ("accounts.User_groups", "group"),
        ("accounts.User_user_permissions", "user"),
        ("accounts.User_user_permissions", "permission"),
        ("auth.Group_permissions", "group"),
        ("auth.Group_permissions", "permission"),
        *(("django_celery_beat.PeriodicTask", each) for each in ("clocked", "crontab", "interval", "solar")),
    }
