"""Nothing of another line comes through any door: every address of the project, asked by each role on its own line.

Line B's names and texts carry a mark. What shows the mark to an account of the whole plant must not show it to one
that works on line A, and the addresses of B's own records must not exist for it.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from django.apps import apps
from django.test import Client

from accounts.models import User
from accounts.roles import ROLES
from equipment.models import ProductionLine
from equipment.queries.site import production_day
from equipment.scope import condition, is_limited
from equipment.services.line_assignments import assign_line
from production.models import ScheduledShift
from tests.admin.world import World, world
from tests.test_routes import OUR_APPS, OWN_AFFAIRS, _page_keys, routes

pytestmark = pytest.mark.django_db

MARK = "ZEBRA"
# Addresses with a key that are of no line: they open, and show what the account may see of them.
PLANT_WIDE = {
    "/quality/characteristics/<pk>/",
    "/telemetry/held-back/<pk>/",  # a name at a source; of a line only when somebody said what it stands for
    "/admin/accounts/user/<object_id>/change/",
    "/admin/accounts/user/<object_id>/history/",
}
# The trail of all records is the whole plant's; an account of some lines asks for one record at a time.
WHOLE_PLANT = {"/audit/", "/audit.csv", "/audit.json", "/api/v1/audit/entries/"}
# A routing is master data of the whole plant.
MASTER_DATA = {"production.routingoperation"}


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@dataclass
class Two:
    """Line A, where the accounts of these tests work, and line B with its mark."""

    a: World
    b: World


@pytest.fixture
def two(as_admin) -> Two:
    return Two(world(), world(MARK))


def keys_of_b(two: Two) -> dict[str, object]:
    """One of B's records for every word of an address; of master data the first there is."""
    return {
        **{model._meta.model_name: _of_b(model, two) for model in our_models()},
        **_page_keys(two.b),
        "jobs": two.b.running.job_orders.order_by("sequence")[0].pk,
        "job-orders": two.b.running.job_orders.order_by("sequence")[0].pk,
        "reports": two.b.running.job_orders.order_by("sequence")[0].quantity_reports.first().pk,
        "quantity-reports": two.b.running.job_orders.order_by("sequence")[0].quantity_reports.first().pk,
        "<version_id>": two.b.plant.line.history.first().history_id,
        "<content_type_id>": "1",
        "<app_label>": "production",
        "<format>": ".json",
    }


def _of_b(model, two: Two) -> object:
    rows = model._base_manager.all()
    if is_limited(model):
        b, a = frozenset({two.b.plant.line.pk}), frozenset({two.a.plant.line.pk})
        rows = rows.filter(condition(model, b)).exclude(pk__in=rows.filter(condition(model, a)).values("pk"))
    return rows.values_list("pk", flat=True).first()


def our_models() -> list:
    found = [model for app in OUR_APPS for model in apps.get_app_config(app).get_models()]
    return [model for model in found if not model._meta.model_name.startswith("historical")]


def asked_with_words(two: Two) -> list[str]:
    """Addresses that name B in their query, or ask for more than the plain list shows."""
    line, order = two.b.plant.line.pk, two.b.running.pk
    job = two.b.running.job_orders.order_by("sequence")[0].pk
    return [
        "/board/?wall=1",
        "/terminal/?choose=1",
        f"/kpi/?line={line}&period=30",
        f"/kpi.csv?line={line}&period=30",
        "/kpi.csv?period=30",
        f"/kpi/scrap/?line={line}",
        f"/quality/pass-rate/?line={line}",
        "/orders/?status=all",
        "/orders/?q=WO",
        f"/orders/?line={line}&status=all",
        "/orders.csv?status=all",
        f"/shifts.pdf?day={production_day()}&shift={ScheduledShift.objects.filter(line=line).first().shift_id}",
        "/quality/checks/?days=all",
        f"/quality/checks/new/?order={order}",
        f"/quality/checks/new/?job={job}",
        f"/quality/checks/new/?order={two.a.running.pk}",
        "/quality/checks/new/?q=WO",
        f"/quality/checks/due/?job={job}",
        f"/quality/characteristics/{two.b.characteristic.pk}/?place=*",
        "/api/v1/work-orders/?q=WO",
        f"/api/v1/work-orders/?line_id={line}",
        f"/api/v1/work-orders/active?line_id={line}",
        f"/api/v1/job-orders/?work_order_id={order}",
        f"/api/v1/quality-checks/?work_order_id={order}",
        f"/api/v1/kpi/?line_id={line}",
        *(
            f"/admin/autocomplete/?app_label={app}&model_name={model}&field_name={field}&term="
            for app, model, field in (
                ("production", "workorder", "production_line"),
                ("production", "workorder", "batch"),
                ("production", "routingoperation", "production_line"),
                ("equipment", "equipment", "line"),
                ("equipment", "lineassignment", "line"),
                ("quality", "qualitycheck", "work_order"),
            )
        ),
        f"/admin/quality/qualitycheck/add/?work_order={order}",
        f"/audit/?type=work_orders&key={order}",
        f"/audit.csv?type=work_orders&key={order}",
        f"/audit.json?type=work_orders&key={order}",
        f"/audit/work_orders/{two.a.running.pk}/",
        f"/audit.csv?type=work_orders&key={two.a.running.pk}",
        f"/api/v1/audit/entries/?table=work_orders&record={order}",
        f"/api/v1/audit/signatures/?record={order}",
    ]


def asked(client: Client, walked: Iterable[str]) -> dict[str, tuple[int, bool]]:
    """For each address its answer, and whether the mark is in it. What the address says itself is no leak."""
    answers = {}
    for address in walked:
        response = client.get(address)
        body = b"".join(response) if response.streaming else response.content
        shown = MARK in body.decode(errors="replace") and MARK not in address
        answers[address] = (response.status_code, shown)
    return answers


def walked_by(user: User, two: Two) -> dict[str, str]:
    """Address -> template."""
    keys = keys_of_b(two)
    own = OWN_AFFAIRS - {"/"}
    found = {route.path(keys): route.template for route in routes() if route.template not in own}
    found |= {address: address.split("?")[0] for address in asked_with_words(two)}
    skipped = "/admin/django_celery_beat/" if user.is_staff else "/admin/"  # the schedule is for administrators
    return {address: template for address, template in found.items() if not address.startswith(skipped)}


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_no_address_shows_another_line(role, user_of, two):
    user, client = user_of(role), Client()
    client.force_login(user)
    walked = walked_by(user, two)

    before = asked(client, walked)
    assign_line(user_id=user.pk, line_id=two.a.plant.line.pk)
    after = asked(client, [address for address, (status, _shown) in before.items() if status == 200])

    showed = {address for address, (_status, shown) in before.items() if shown}
    assert len(showed) > 20, "the walk finds nothing that it could miss afterwards"
    assert {address for address, (_status, shown) in after.items() if shown} == set()
    of_b = {address for address in showed if "<" in walked[address] and walked[address] not in PLANT_WIDE}
    assert {walked[address]: after[address][0] for address in of_b if after[address][0] not in _missing(address)} == {}
    lists = {address for address in showed - of_b if "?" not in address}
    assert {address: after[address][0] for address in lists - WHOLE_PLANT if after[address][0] != 200} == {}
    assert {after[address][0] for address in lists & WHOLE_PLANT} <= {403}


def _missing(address: str) -> set[int]:
    """How a record answers that does not exist; the admin goes to its index and says so there."""
    return {302, 404} if address.startswith("/admin/") else {404}


def test_the_own_line_stays_open(user_of, two):
    user, client = user_of("planner"), Client()
    assign_line(user_id=user.pk, line_id=two.b.plant.line.pk)
    client.force_login(user)
    order = two.b.planned.pk
    lists = ["/board/", "/orders/", "/kpi/?period=30", "/quality/checks/", "/api/v1/lines/", "/api/v1/kpi/", "/admin/"]
    records = [f"/orders/{order}/", f"/api/v1/work-orders/{order}/", f"/admin/production/workorder/{order}/change/"]

    assert set(asked(client, [*lists, *records]).values()) == {(200, True)}


def test_every_model_that_leads_to_a_line_says_so():
    """A new model with a way to a line is limited from the start, or is named as master data of the whole plant."""
    leads = {model._meta.label_lower for model in our_models() if _leads_to_a_line(model)}
    evidence = {
        model._meta.label_lower
        for model in our_models()
        if {"record_label", "record_pk"} <= {field.name for field in model._meta.concrete_fields}
    }
    limited = {model._meta.label_lower for model in our_models() if is_limited(model)}

    assert (leads | evidence) - limited == MASTER_DATA
    assert {"production.workorder", "quality.measurement", "audit.signature"} <= limited


def _leads_to_a_line(model, seen=()) -> bool:
    if model is ProductionLine:
        return True
    links = {f.related_model for f in model._meta.concrete_fields if f.is_relation}
    return any(_leads_to_a_line(link, (*seen, model)) for link in links if link not in (*seen, model))
