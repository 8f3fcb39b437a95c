"""Who may not do it is told so, whatever the body is like: no hint of what the body should hold, no work for it."""

from typing import Any

import pytest

from mfg_project.api_urls import router
from mfg_project.common.viewsets import ROW_PATTERN

pytestmark = pytest.mark.django_db

SOME_KEY, SOME_ROW = "01900000-0000-7000-8000-000000000000", "1"
BODIES = (b"", b"{", b"[]", b"{}", b'{"planned_quantity": "much"}')
SAFE = {"get", "head", "options"}

ORDER_STEPS = {
    "create": "production.add_workorder",
    "update": "production.change_workorder",
    "partial_update": "production.change_workorder",
    "plan": "production.plan_workorder",
    "release": "production.release_workorder",
    "hold": "production.hold_workorder",
    "resume": "production.hold_workorder",
    "complete": "production.complete_workorder",
    "cancel": "production.cancel_workorder",
}
NEEDED = {
    "work-order": ORDER_STEPS,
    "source-named-work-order": ORDER_STEPS,
    "job-order": dict.fromkeys(("start", "hold", "complete"), "production.execute_joborder"),
    "quantity-report": dict.fromkeys(("create", "undo"), "production.report_quantity"),
    "line-state": dict.fromkeys(("create", "explain"), "equipment.set_line_state"),
    "product": {"create": "inventory.add_material", "partial_update": "inventory.change_material"},
    "quality-check": {"create": "quality.record_check"},
}


def write_routes() -> dict[tuple[str, str], tuple[str, str]]:
    """(name, action) -> (method, address) of everything the API can be asked to change."""
    found = {}
    for prefix, viewset, name in router.registry:
        key = SOME_ROW if getattr(viewset, "lookup_value_regex", "") == ROW_PATTERN else SOME_KEY
        for route in router.get_routes(viewset):
            address = route.url.format(prefix=prefix, lookup=key, trailing_slash="/").strip("^$")
            for method, action in router.get_method_map(viewset, route.mapping).items():
                if method not in SAFE:
                    found[name, action] = (method, f"/api/v1/{address}")
    return found


# A file that is sent in is only looked at, by whoever reads the trail.
LOOKS_ONLY = ("audit-verify-bundle", "create")
ROUTES = {route: found for route, found in write_routes().items() if route != LOOKS_ONLY}


def test_every_write_of_the_api_is_in_this_test():
    assert set(ROUTES) == {(name, action) for name, actions in NEEDED.items() for action in actions}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("name", "action"), ROUTES)
def test_without_the_permission_no_body_is_judged(client_of, plant, name, action, body):
    answer = _send(client_of("auditor"), name, action, body)

    assert answer.status_code == 403
    assert answer.json()["permission"] == NEEDED[name][action]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("name", "action"), ROUTES)
def test_nobody_is_told_to_sign_in_first(anyone, name, action, body):
    assert _send(anyone, name, action, body).status_code == 401


def test_with_the_permission_the_body_is_judged(client_of, plant):
    planner = client_of("planner")

    assert _send(planner, "work-order", "create", b"{").status_code == 400
    assert _send(planner, "work-order", "partial_update", b"{").status_code == 404  # the order comes before its body


def test_a_step_alone_opens_the_change_of_an_order(client_of, plant):
    """A quality manager holds orders by PATCH as well, and changes nothing else of them."""
    assert _send(client_of("qa_manager"), "work-order", "partial_update", b"{}").status_code == 404


def test_a_method_that_is_not_there_is_said_to_be_so(client_of, plant):
    assert client_of("planner").post("/api/v1/lines/", {}).status_code == 405
    assert client_of("planner").delete(f"/api/v1/work-orders/{SOME_KEY}/").status_code == 405


def _send(client: Any, name: str, action: str, body: bytes) -> Any:
    method, address = ROUTES[name, action]
    return client.generic(method.upper(), address, body, content_type="application/json")
