"""What is sent to each door that writes, for `test_journal_every_door.py`."""

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.context import uuid7
from audit.models import Outbox
from production.models import JobOrder, QuantityReport, WorkOrder
from production.services.work_orders import hold_work_order
from quality.forms import field_name
from telemetry.models import HeldBackSeries
from tests import factories
from tests.admin.world import World
from tests.audit.journal import REASON
from tests.conftest import PASSWORD


def signed() -> dict[str, Any]:
    return {"username": "test-supervisor", "password": PASSWORD, "meaning": "released"}


def order_in(world: World, status: str) -> WorkOrder:
    return factories.work_order(world.plant, status=status)


def job_in(world: World, status: str) -> JobOrder:
    return factories.first_job(order_in(world, status))


def new_order(world: World) -> dict[str, Any]:
    return {
        "work_order_number": "WO-DOOR-1",
        "product_id": str(world.plant.product.pk),
        "production_line_id": str(world.plant.line.pk),
        "planned_quantity": "10",
        "scheduled_start": "2026-01-31T08:00:00+09:00",
        "scheduled_end": "2026-01-31T16:00:00+09:00",
    }


def ended(order: WorkOrder) -> WorkOrder:
    """In progress, with nothing left to do but to say so."""
    factories.put_jobs(order.job_orders.all(), "completed")
    return order


def held(order: WorkOrder) -> WorkOrder:
    hold_work_order(work_order_id=order.pk, reason="Material fehlt")
    return order


def report_of(world: World) -> QuantityReport:
    return QuantityReport.objects.filter(job_order__work_order=world.running).first()


def check_of(world: World) -> dict[str, Any]:
    value = {"characteristic_id": str(world.characteristic.pk), "value": "10.01"}
    return {"work_order_id": str(world.running.pk), "test_type": "final", "measurements": [value]}


# (name, action) -> what it is about and what is sent; role that may.
ORDER_API: dict[str, tuple[Callable[[World], Any], Callable[[World], dict[str, Any]], str]] = {
    "create": (lambda world: None, new_order, "planner"),
    "update": (
        lambda world: factories.work_order(world.plant, work_order_number="WO-DOOR-1"),
        lambda world: new_order(world) | {"reason": REASON}, "planner",
    ),
    "partial_update": (
        lambda world: order_in(world, "created"), lambda world: {"priority": 1, "reason": REASON}, "planner",
    ),
    "plan": (lambda world: order_in(world, "created"), lambda world: {}, "planner"),
    "release": (lambda world: order_in(world, "planned"), lambda world: signed(), "supervisor"),
    "hold": (lambda world: order_in(world, "planned"), lambda world: {"reason": REASON}, "supervisor"),
    "resume": (lambda world: held(order_in(world, "planned")), lambda world: {}, "supervisor"),
    "complete": (lambda world: ended(order_in(world, "in_progress")), lambda world: {}, "supervisor"),
    "cancel": (lambda world: order_in(world, "planned"), lambda world: {"reason": REASON}, "planner"),
}  # fmt: skip
API: dict[tuple[str, str], tuple[Callable[[World], Any], Callable[[World], dict[str, Any]], str]] = {
    **{("work-order", action): case for action, case in ORDER_API.items()},
    **{("source-named-work-order", action): case for action, case in ORDER_API.items()},
    ("job-order", "start"): (lambda world: job_in(world, "released"), lambda world: {}, "operator"),
    ("job-order", "hold"): (
        lambda world: job_in(world, "in_progress"), lambda world: {"reason_id": str(world.plant.hold_reason.pk)},
        "operator",
    ),
    ("job-order", "complete"): (lambda world: job_in(world, "in_progress"), lambda world: {}, "operator"),
    ("quantity-report", "create"): (
        lambda world: None,
        lambda world: {"job_order_id": str(job_in(world, "in_progress").pk), "good": 1},
        "operator",
    ),
    ("quantity-report", "undo"): (report_of, lambda world: {}, "operator"),
    ("line-state", "create"): (
        lambda world: None, lambda world: {"line_id": str(world.plant.line.pk), "state": "idle"}, "operator",
    ),
    ("line-state", "explain"): (
        lambda world: world.stop, lambda world: {"reason_id": str(world.plant.stop_reason.pk)}, "operator",
    ),
    ("product", "create"): (
        lambda world: None,
        lambda world: {"product_code": "N", "product_name": "N", "product_type": "finished"},
        "planner",
    ),
    ("product", "partial_update"): (
        lambda world: world.plant.product, lambda world: {"product_name": "New", "reason": REASON}, "planner",
    ),
    ("quality-check", "create"): (lambda world: None, check_of, "inspector"),
}  # fmt: skip


def order_address(order: WorkOrder, step: str) -> str:
    return reverse(f"production:work-order-{step}", args=[order.pk])


def job_address(job: JobOrder, step: str) -> str:
    return reverse(f"production:terminal-{step}", args=[job.pk])


def locked_operator() -> User:
    person = factories.user("operator", password=PASSWORD)
    for _ in range(5):
        Client().post(reverse("accounts:login"), {"username": person.username, "password": "wrong"})
    return person


def order_form(world: World) -> dict[str, Any]:
    return {
        "work_order_number": "WO-DOOR-2", "product": world.plant.product.pk, "production_line": world.plant.line.pk,
        "planned_quantity": "12", "priority": "5", "uom": "pcs",
        "scheduled_start": "2026-05-01T08:00", "scheduled_end": "2026-05-01T16:00",
    }  # fmt: skip


def check_form(world: World) -> dict[str, Any]:
    return {
        "piece": "7", "place": "Lab A", "test_type": "dimensional", "client_token": str(uuid7()),
        field_name(world.characteristic): "10.01",
    }  # fmt: skip


# What is posted where, and by whom.
PAGES: dict[str, tuple[str, Callable[[World], str], Callable[[World], dict[str, Any]]]] = {
    "new order": ("planner", lambda world: reverse("production:work-order-create"), order_form),
    "map a name": (
        "maintenance",
        lambda world: reverse("telemetry:map", args=[HeldBackSeries.objects.filter(reason="unknown").first().pk]),
        lambda world: {"equipment": world.plant.machine.pk, "sensor_type": "speed", "name": "Drehzahl"},
    ),
    "plan": ("planner", lambda world: order_address(order_in(world, "created"), "plan"), lambda world: {}),
    "hold": (
        "supervisor", lambda world: order_address(order_in(world, "planned"), "hold"), lambda world: {"reason": REASON},
    ),
    "resume": (
        "supervisor", lambda world: order_address(held(order_in(world, "planned")), "resume"), lambda world: {},
    ),
    "cancel": (
        "planner", lambda world: order_address(order_in(world, "planned"), "cancel"), lambda world: {"reason": REASON},
    ),
    "complete": (
        "supervisor", lambda world: order_address(ended(order_in(world, "in_progress")), "complete"), lambda world: {},
    ),
    "release": (
        "supervisor", lambda world: order_address(order_in(world, "planned"), "release"),
        lambda world: signed(),
    ),
    "start a job": ("operator", lambda world: job_address(job_in(world, "released"), "start"), lambda world: {}),
    "hold a job": (
        "operator", lambda world: job_address(job_in(world, "in_progress"), "hold"),
        lambda world: {"reason": world.plant.hold_reason.pk},
    ),
    "complete a job": (
        "operator", lambda world: job_address(job_in(world, "in_progress"), "complete"),
        lambda world: {"confirmed": "1"},
    ),
    "count": (
        "operator", lambda world: job_address(job_in(world, "in_progress"), "report"),
        lambda world: {"good": "2", "scrap": "1", "reason": world.plant.scrap_reason.pk, "client_token": str(uuid7())},
    ),
    "undo a count": (
        "operator", lambda world: reverse("production:terminal-undo", args=[report_of(world).pk]), lambda world: {},
    ),
    "state of a line": (
        "operator", lambda world: reverse("production:line-state", args=[world.plant.line.pk]),
        lambda world: {"state": "idle"},
    ),
    "stop of a line": (
        "operator", lambda world: reverse("production:line-stop", args=[factories.line("STOPS").pk]),
        lambda world: {"reason": world.plant.stop_reason.pk},
    ),
    "explain a stop": (
        "operator", lambda world: reverse("production:stop-explain", args=[world.stop.pk]),
        lambda world: {"reason": world.plant.stop_reason.pk, "comment": "Werkzeug"},
    ),
    "check": ("inspector", lambda world: f"{reverse('quality:check-create')}?order={world.running.pk}", check_form),
    "sign in": (
        "", lambda world: reverse("accounts:login"),
        lambda world: {"username": factories.user("planner", password=PASSWORD).username, "password": PASSWORD},
    ),
    "wrong password": (
        "", lambda world: reverse("accounts:login"),
        lambda world: {"username": factories.user("planner", password=PASSWORD).username, "password": "wrong"},
    ),
    "own password": (
        "planner", lambda world: reverse("accounts:password-change"),
        lambda world: {
            "old_password": PASSWORD, "new_password1": "Kupplung-Flansch-7", "new_password2": "Kupplung-Flansch-7",
        },
    ),
    "unlock": (
        "supervisor", lambda world: reverse("accounts:unlock", args=[locked_operator().pk]),
        lambda world: {"reason": REASON},
    ),
    "acknowledge": (
        "supervisor",
        lambda world: locked_operator()
        and reverse("accounts:acknowledge", args=[Outbox.objects.order_by("-made_at").first().pk]),
        lambda world: {},
    ),
}  # fmt: skip
