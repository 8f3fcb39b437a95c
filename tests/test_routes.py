"""Deny by default: every address of the project, walked as a stranger and as each role.

A new address is found by itself. What a stranger may open is named in PUBLIC; everything else has to ask for a login.
"""

import logging
import re
from dataclasses import dataclass
from functools import cache

import pytest
from django.apps import apps
from django.contrib.admindocs.views import simplify_regex
from django.db.models import Q
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from accounts.roles import ROLES
from audit.models import JournalEntry
from production.models import JobOrder, QuantityReport, ScheduledShift
from telemetry.models import HeldBackSeries, Series
from tests.admin.world import World, world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet():
    """Thousands of refusals are meant here; writing each down would take longer than asking."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


LOGIN = "/accounts/login/"

PUBLIC = {
    "/",  # the start page of the demo; a redirect to the login elsewhere
    LOGIN,
    "/accounts/login/code/",  # leads to the login where no password was right just now
    "/accounts/provider/",  # 404 without a provider
    "/accounts/provider/callback/",
    "/accounts/logout/",
    "/accounts/reset/<uidb64>/<token>/",  # says that the link does not work
    "/accounts/demo/",  # 404 outside the demo
    "/i18n/setlang/",
    "/health/",
    "/health/database/",
    "/health/redis/",
    "/api/v1/",  # leads to the description
    "/api/v1/docs/",
    "/api/v1/schema/",
    "/api/v1/auth/token/",
    "/api/v1/auth/token/refresh/",
}

# What everybody who is signed in may do to oneself; not a change of the plant.
OWN_AFFAIRS = PUBLIC | {
    "/accounts/password/",
    "/accounts/signing/statement/",
    "/accounts/signing/authenticator/",
    "/accounts/signing/authenticator/code/",
    "/admin/logout/",
    "/admin/login/",
    "/admin/password_change/",
}
# A scanned code may only show a job; a command it carries is a service that asks for its own permission.
# A file or a checkpoint that is sent in is only looked at.
ALSO_READS = {"/terminal/scan/<pk>/", "/api/v1/audit/verify-bundle/", "/audit/checkpoint/"}
REFUSED = {301, 401, 403, 404, 405}  # 301: to the same address with its final slash, which is asked as well
OUR_APPS = ("accounts", "audit", "equipment", "telemetry", "inventory", "production", "quality")


@dataclass(frozen=True)
class Route:
    template: str  # "/orders/<pk>/edit/"

    def path(self, keys: dict[str, object]) -> str:
        """The template with a key of the nearest segment that names what it is about."""

        def key(found: re.Match) -> str:
            before = self.template[: found.start()].strip("/").split("/")
            named = next((keys[word] for word in reversed(before) if word in keys), keys["orders"])
            return str(keys.get(f"<{found[1]}>", named))

        return re.sub(r"<(\w+)>", key, self.template)


@cache
def routes() -> tuple[Route, ...]:
    found = {Route(re.sub(r"/{2,}", "/", template)) for template in _templates(get_resolver().url_patterns, "/")}
    return tuple(sorted(found, key=lambda route: route.template))


def _templates(patterns, prefix):
    for pattern in patterns:
        here = prefix + _plain(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _templates(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern) and "<path:url>" not in here and "<url>" not in here:
            yield here


def _plain(pattern) -> str:
    if isinstance(pattern, RoutePattern):
        return re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", str(pattern))
    return simplify_regex(str(pattern).replace("/?", "/").removesuffix("\\Z")).removeprefix("/")


@pytest.fixture
def keys(as_admin) -> dict[str, object]:
    """For each word an address uses for a kind of record, the key of one of them."""
    made = world()
    return {
        **_admin_keys(),
        **_page_keys(made),
        "<version_id>": made.plant.line.history.first().history_id,
        "<content_type_id>": "1",
        "<app_label>": "production",
        "<format>": ".json",
    }


def _page_keys(made: World) -> dict[str, object]:
    order = made.planned.pk
    return {
        "orders": order,
        "work-orders": order,
        "lines": made.plant.line.pk,
        "live": made.plant.line.pk,
        "scan": made.plant.line.pk,
        "line": made.plant.line.line_code,
        "stops": made.stop.pk,
        "line-states": made.stop.pk,
        "jobs": JobOrder.objects.first().pk,
        "job-orders": JobOrder.objects.first().pk,
        "reports": QuantityReport.objects.first().pk,
        "quantity-reports": QuantityReport.objects.first().pk,
        "shifts": ScheduledShift.objects.filter(line=made.plant.line).values_list("pk", flat=True).first(),
        "characteristics": made.characteristic.pk,
        "checks": made.check.pk,
        "quality-checks": made.check.pk,
        "products": made.plant.product.pk,
        "equipment": made.plant.machine.pk,
        "sites": made.plant.site.pk,
        "areas": made.plant.line.area_id,
        "reasons": made.plant.stop_reason.pk,
        "series": Series.objects.filter(equipment=made.plant.machine).values_list("pk", flat=True).first(),
        "held-back": HeldBackSeries.objects.filter(reason="unknown").values_list("pk", flat=True).first(),
        "<table>": "work_orders",
        "<key>": order,
        "entries": JournalEntry.objects.filter(pk_text=str(order)).values_list("pk", flat=True).first(),
    }


def _admin_keys() -> dict[str, object]:
    return {
        model._meta.model_name: model._base_manager.values_list("pk", flat=True).first()
        for app in OUR_APPS
        for model in apps.get_app_config(app).get_models()
        if not model._meta.model_name.startswith("historical")
    }


def addresses(keys: dict[str, object], *, skip: set[str] = frozenset()) -> list[str]:
    return [route.path(keys) for route in routes() if route.template not in skip]


def test_the_walk_finds_pages_api_and_admin():
    templates = {route.template for route in routes()}

    assert {"/board/", "/orders/<pk>/release/", "/api/v1/work-orders/<pk>/", LOGIN} <= templates
    assert "/admin/production/workorder/<object_id>/change/" in templates
    assert "/admin/production/workorder/<object_id>/release/" in templates
    assert templates >= PUBLIC


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_gets_nothing_that_is_not_named_public(client, keys, method):
    open_to_strangers = {}
    for address in addresses(keys, skip=PUBLIC):
        response = getattr(client, method)(address, follow=True)
        last = response.redirect_chain[-1][0] if response.redirect_chain else ""
        if response.status_code not in REFUSED and not last.startswith(LOGIN):
            open_to_strangers[address] = response.status_code

    assert open_to_strangers == {}


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_no_role_meets_an_error(client, user_of, keys, role):
    """An exception in a view reaches the test; what a role may not open says so."""
    user = user_of(role)
    client.force_login(user)
    walked = addresses(keys, skip=OWN_AFFAIRS)
    pages = [address for address in walked if not address.startswith("/admin/")]
    if user.is_staff:
        read, sent = walked, pages  # what staff may send in the admin is the administrator's walk below
    else:
        assert client.get("/admin/", follow=True).status_code == 403
        read = sent = pages

    assert faults(client.get, read) + faults(client.post, sent) == []


def test_an_administrator_meets_no_error(client, as_admin, keys):
    client.force_login(as_admin)
    walked = addresses(keys, skip=OWN_AFFAIRS)

    assert faults(client.get, walked) + faults(client.post, walked) == []


def faults(ask, walked: list[str]) -> list[tuple[str, int]]:
    answers = [(address, ask(address).status_code) for address in walked]
    return [(address, status) for address, status in answers if status >= 500]


# That a step was tried and refused is kept, with its entry in the journal
KEPT_OF_REFUSALS = {
    "audit.securityevent": Q(kind="step_refused"),
    "audit.journalentry": Q(table_name="audit_securityevent", reason_code="refuse_step"),
}


def everything() -> dict[str, list]:
    return {
        model._meta.label_lower: sorted(
            map(
                repr,
                model._base_manager.exclude(KEPT_OF_REFUSALS.get(model._meta.label_lower, Q(pk__in=[]))).values_list(),
            )
        )
        for app in OUR_APPS
        for model in apps.get_app_config(app).get_models()
    }


def test_the_auditor_changes_nothing_anywhere(client, user_of, keys):
    client.force_login(user_of("auditor"))
    before = everything()
    accepted = []
    for address in addresses(keys, skip=OWN_AFFAIRS | ALSO_READS):
        api = address.startswith("/api/")
        send = {"content_type": "application/json", "data": '{"priority": 1}'} if api else {}
        for method in ("post", "put", "patch", "delete") if api else ("post",):
            status = getattr(client, method)(address, **send).status_code
            if status not in REFUSED and not _only_shows(address, status):
                accepted.append((method, address, status))

    assert accepted == []
    assert everything() == before


def _only_shows(address: str, status: int) -> bool:
    """Pages of the admin look at no method (lists, index, search, history), and the API asks for the shape of a
    change before the right to it. That nothing changed is compared afterwards."""
    if address.startswith("/admin/"):
        return status in (200, 302)
    return address.startswith("/api/") and status in (400, 422)
