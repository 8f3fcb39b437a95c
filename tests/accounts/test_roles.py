"""accounts/roles.py is the truth: its names exist, the database holds exactly them, the services obey."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils import timezone

from accounts.roles import QUALIFY, ROLE_BY_NAME, ROLES, SECURITY
from accounts.services import authenticators, locks, pins, qualifications, statements
from accounts.services.passwords import send_link, set_password
from accounts.services.roles import sync_roles_of_app
from accounts.services.users import create_user, update_user
from audit import checkpoint_mail, disposal, master_data, retention
from audit.context import act_as
from audit.errors import DomainError, MissingPermission
from audit.models import LegalHold, RetentionPolicy
from equipment.models import Equipment
from equipment.services.line_states import explain_interval, set_line_state
from inventory.models import Material
from production.models import ScheduledShift
from production.services import job_orders, work_orders
from production.services.backfill import PastJob, record_past_order
from production.services.calendar import cancel_shift, plan_shifts
from quality.models import Characteristic
from quality.services.checks import MeasuredValue, record_check
from telemetry.models import HeldBackSeries
from telemetry.services.mapping import map_name
from tests import factories
from tests.admin.world import World, world

pytestmark = pytest.mark.django_db


def known_permissions() -> set[str]:
    rows = Permission.objects.values_list("content_type__app_label", "codename")
    return {f"{app_label}.{codename}" for app_label, codename in rows}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_names_only_permissions_that_exist(role):
    assert role.permissions - known_permissions() == set()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_database_holds_exactly_what_the_page_says(role, user_of):
    assert user_of(role.name).get_all_permissions() == role.permissions


def test_what_was_given_by_hand_is_taken_back_with_the_next_migration():
    group = Group.objects.get(name="auditor")
    with factories.arranging():
        group.permissions.add(Permission.objects.get(codename="release_workorder"))
        group.permissions.remove(Permission.objects.get(codename="view_workorder"))

    sync_roles_of_app("production")
    sync_roles_of_app("production")

    held = {f"production.{codename}" for codename in group.permissions.values_list("codename", flat=True)}
    assert {name for name in ROLE_BY_NAME["auditor"].permissions if name.startswith("production.")} <= held
    assert "production.release_workorder" not in held


def test_nobody_but_an_administrator_may_delete_or_touch_accounts():
    for role in ROLES:
        assert not [name for name in role.permissions if ".delete_" in name]
        written = {name for name in role.permissions if name.startswith("accounts.") and ".view_" not in name}
    assert written <= SECURITY | QUALIFY


def test_the_auditor_holds_nothing_but_views():
    assert all(".view_" in name for name in ROLE_BY_NAME["auditor"].permissions)


@dataclass(frozen=True)
class Door:
    """A service, the permission it asks for, and a call that is right in everything but the actor."""

    name: str
    permission: str
    call: Any


def _new_order(w: World, number: str) -> dict[str, Any]:
    now = timezone.now()
    return {
        "work_order_number": number,
        "product_id": w.plant.product.pk,
        "planned_quantity": Decimal(1),
        "scheduled_start": now,
        "scheduled_end": now + dt.timedelta(hours=1),
        "production_line_id": w.plant.line.pk,
    }


def _job(w: World) -> Any:
    return w.running.job_orders.order_by("sequence").first()


def _past_job(w: World) -> PastJob:
    now = timezone.now()
    return PastJob(
        sequence=10,
        operation_name="x",
        run_time_seconds=Decimal(1),
        setup_time_seconds=Decimal(0),
        line_id=w.plant.line.pk,
        started_at=now - dt.timedelta(hours=2),
        ended_at=now - dt.timedelta(hours=1),
    )


P, E = "production.", "equipment."
WHY = "Agreed with the customer"
DOORS = (
    Door("create_work_order", P + "add_workorder", lambda w: work_orders.create_work_order(**_new_order(w, "WO-N"))),
    Door(
        "update_work_order",
        P + "change_workorder",
        lambda w: work_orders.update_work_order(work_order_id=w.planned.pk, priority=1, reason=WHY),
    ),
    Door("plan_work_order", P + "plan_workorder", lambda w: work_orders.plan_work_order(work_order_id=w.planned.pk)),
    Door(
        "release_work_order",
        P + "release_workorder",
        lambda w: work_orders.release_work_order(work_order_id=w.planned.pk, signing=None),
    ),
    Door(
        "hold_work_order",
        P + "hold_workorder",
        lambda w: work_orders.hold_work_order(work_order_id=w.planned.pk, reason="x"),
    ),
    Door(
        "resume_work_order", P + "hold_workorder", lambda w: work_orders.resume_work_order(work_order_id=w.planned.pk)
    ),
    Door(
        "complete_work_order",
        P + "complete_workorder",
        lambda w: work_orders.complete_work_order(work_order_id=w.running.pk),
    ),
    Door(
        "cancel_work_order",
        P + "cancel_workorder",
        lambda w: work_orders.cancel_work_order(work_order_id=w.planned.pk, reason="x"),
    ),
    Door(
        "record_past_order",
        P + "add_workorder",
        lambda w: record_past_order(**_new_order(w, "WO-PAST"), jobs=[_past_job(w)]),
    ),
    Door("start_job", P + "execute_joborder", lambda w: job_orders.start_job(job_order_id=_job(w).pk)),
    Door(
        "hold_job",
        P + "execute_joborder",
        lambda w: job_orders.hold_job(job_order_id=_job(w).pk, reason_id=w.plant.hold_reason.pk),
    ),
    Door("complete_job", P + "execute_joborder", lambda w: job_orders.complete_job(job_order_id=_job(w).pk)),
    Door(
        "report_quantity",
        P + "report_quantity",
        lambda w: job_orders.report_quantity(job_order_id=_job(w).pk, good=Decimal(1)),
    ),
    Door(
        "undo_report",
        P + "report_quantity",
        lambda w: job_orders.undo_report(report_id=_job(w).quantity_reports.first().pk),
    ),
    Door(
        "cancel_shift",
        P + "change_scheduledshift",
        lambda w: cancel_shift(scheduled_shift_id=ScheduledShift.objects.filter(line=w.plant.line).first().pk),
    ),
    Door(
        "set_line_state",
        E + "set_line_state",
        lambda w: set_line_state(line_id=w.plant.line.pk, state="maintenance"),
    ),
    Door(
        "explain_interval",
        E + "set_line_state",
        lambda w: explain_interval(interval_id=w.stop.pk, reason_id=w.plant.stop_reason.pk),
    ),
    Door(
        "record_check",
        "quality.record_check",
        lambda w: record_check(
            work_order_id=w.running.pk,
            test_type="dimensional",
            values=[MeasuredValue(characteristic_id=w.characteristic.pk, value=Decimal(10))],
        ),
    ),
    Door(
        "create a material",
        "inventory.add_material",
        lambda w: master_data.create_record(Material, product_code="N", product_name="N", product_type="finished"),
    ),
    Door(
        "change a machine",
        E + "change_equipment",
        lambda w: master_data.update_record(Equipment, pk=w.plant.machine.pk, name="Renamed", reason=WHY),
    ),
    Door(
        "change a limit",
        "quality.change_characteristic",
        lambda w: master_data.update_record(
            Characteristic, pk=w.characteristic.pk, upper_limit=Decimal(11), reason=WHY
        ),
    ),
    Door("create_user", "accounts.add_user", lambda w: create_user(username="n", printed_name="N", roles=[])),
    Door(
        "update_user",
        "accounts.change_user",
        lambda w: update_user(user_id=w.planned.created_by_id, printed_name="X", reason=WHY),
    ),
    Door(
        "set_password",
        "accounts.change_user",
        lambda w: set_password(user_id=w.planned.created_by_id, password="quite-a-long-secret"),
    ),
    Door("send_link", "accounts.change_user", lambda w: send_link(user_id=w.planned.created_by_id)),
    Door(
        "unlock",
        "accounts.unlock_user",
        lambda w: locks.unlock(user_id=w.planned.created_by_id, reason=WHY),
    ),
    Door("acknowledge", "accounts.unlock_user", lambda w: locks.acknowledge(message_id=w.planned.pk)),
    Door(
        "qualify",
        "accounts.add_signingqualification",
        lambda w: qualifications.qualify(
            user_id=w.planned.created_by_id,
            document_class="passport",
            training="SOP-12",
            valid_from=dt.date(2026, 1, 1),
            valid_until=dt.date(2027, 1, 1),
        ),
    ),
    Door(
        "issue statement",
        "accounts.add_signingstatement",
        lambda w: statements.issue(text_en="A", text_ja="あ", effective_from=timezone.localdate()),
    ),
    Door(
        "revoke an authenticator",
        "accounts.revoke_factor",
        lambda w: authenticators.revoke(user_id=w.planned.created_by_id, reason=WHY),
    ),
    Door("revoke a PIN", "accounts.revoke_factor", lambda w: pins.revoke(user_id=w.planned.created_by_id, reason=WHY)),
    Door(
        "end_qualification",
        "accounts.change_signingqualification",
        lambda w: qualifications.end_qualification(
            qualification_id=w.planned.created_by.qualifications.get().pk, reason=WHY
        ),
    ),
    Door("send_checkpoint", "audit.send_journalseal", lambda w: checkpoint_mail.send()),
    Door(
        "map_name",
        "telemetry.map_series",
        lambda w: map_name(
            held_back_id=HeldBackSeries.objects.first().pk,
            equipment_id=w.plant.machine.pk,
            sensor_type="speed",
            name="Speed",
        ),
    ),
    Door("place_hold", "audit.place_legalhold", lambda w: retention.place_hold(reason=WHY)),
    Door(
        "lift_hold",
        "audit.lift_legalhold",
        lambda w: retention.lift_hold(hold_id=LegalHold.objects.first().pk, reason=WHY),
    ),
    Door(
        "dispose",
        "audit.dispose_records",
        lambda w: disposal.dispose(record_type="materials", before=dt.date(2020, 1, 1), reason=WHY, expected=0),
    ),
    Door(
        "set_policy",
        "audit.add_retentionpolicy",
        lambda w: retention.set_policy(record_type="work_orders", years=10, basis=WHY),
    ),
    Door(
        "update_policy",
        "audit.change_retentionpolicy",
        lambda w: retention.update_policy(
            pk=RetentionPolicy.objects.get().pk, expected_version=1, reason=WHY, years=12
        ),
    ),
)


def test_a_service_serves_the_roles_that_hold_its_permission_and_no_other(as_admin, user_of):
    """Who holds the permission may meet another refusal (a state, a rule), but never a missing right to this."""
    made = world()
    users = {role: user_of(role.name) for role in ROLES}
    wrong = []
    for door in DOORS:
        for role, user in users.items():
            with act_as(user, source="test"):
                missing = _missing(door, made)
            if missing != ("" if door.permission in role.permissions else door.permission):
                wrong.append((door.name, role.name, missing))

    assert wrong == []


def _missing(door: Door, made: World) -> str:
    """The permission the call lacked, or "". Whatever it did is undone, so that every role finds the same plant."""
    try:
        with transaction.atomic():
            door.call(made)
            raise Undo
    except MissingPermission as refused:
        return refused.permission
    except (DomainError, Undo):
        return ""


class Undo(Exception):
    pass


def test_every_service_that_asks_for_a_permission_is_in_the_matrix():
    """A new service with a permission of its own has to be added above."""
    asked = {door.permission for door in DOORS}
    granted = {name for role in ROLES for name in role.permissions if ".view_" not in name}

    plain_master_data = {name for name in granted if ".add_" in name or ".change_" in name}
    assert granted - asked - plain_master_data == set()


def test_planning_shifts_is_the_systems_own_work(as_admin):
    world()

    assert plan_shifts(first=dt.date(2026, 1, 1), last=dt.date(2026, 1, 2)) > 0
