"""What every page knows of the plant and the person."""

import datetime as dt

import pytest
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from audit import records
from equipment.models import Site
from mfg_project.common import plant
from mfg_project.common.context import NAV, shell
from mfg_project.common.middleware import PlantTimeMiddleware
from tests import factories

pytestmark = pytest.mark.django_db


def request_of(user, path="/"):
    request = RequestFactory().get(path)
    request.user = user
    return request


def test_a_page_that_shows_nothing_of_it_costs_no_query(as_admin, user_of, django_assert_num_queries):
    factories.site()
    request = request_of(user_of("supervisor"))

    with django_assert_num_queries(0):
        context = shell(request)

    assert (context["plant"], context["plant_time_zone"], context["demo"]) == ("Test plant", "Asia/Tokyo", False)


def test_navigation_and_role_cost_the_same_few_queries_every_time(as_admin, user_of, django_assert_max_num_queries):
    factories.site()
    user = type(user_of("supervisor")).objects.get(username="test-supervisor")

    # The user's permissions, the roles' permissions, the roles' names; whether a signature policy names one of them
    with django_assert_max_num_queries(5):
        context = shell(request_of(user))
        list(context["nav"])
        assert str(context["user_role"]) == "Supervisor"
        assert str(context["user_role"]) == "Supervisor"


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("operator", {"Board", "Terminal", "Orders", "Quality", "Telemetry"}),
        ("auditor", {"Board", "Orders", "Quality", "Telemetry", "Key figures", "Audit trail", "Administration"}),
    ],
)
def test_the_navigation_shows_only_what_the_role_may_open(user_of, role, shown, monkeypatch):
    monkeypatch.setattr("mfg_project.common.context._url", lambda name: f"/{name}/")

    nav = shell(request_of(user_of(role), "/production:board/"))["nav"]

    assert {str(entry["label"]) for entry in nav} == shown
    assert [str(entry["label"]) for entry in nav if entry["current"]] == ["Board"]


def test_every_entry_of_the_navigation_has_its_page(user_of):
    nav = shell(request_of(factories.superuser()))["nav"]

    always = [entry for entry in NAV if entry.also is None]  # an administrator without a role signs nothing
    assert [str(entry["label"]) for entry in nav] == [str(entry.label) for entry in always]


def test_strangers_get_no_navigation():
    from django.contrib.auth.models import AnonymousUser

    context = shell(request_of(AnonymousUser()))

    assert not context["nav"]
    assert not context["user_role"]


def test_a_changed_site_is_known_at_once_and_read_again_after_a_while(as_admin, monkeypatch):
    site = factories.site()
    records.update(site, name="Renamed", reason="A new owner")
    assert plant.current_plant().name == "Renamed"

    with factories.arranging():
        Site.objects.update(name="Behind our back")
    assert plant.current_plant().name == "Renamed"
    monkeypatch.setattr(plant, "REMEMBERED_SECONDS", 0.0)
    assert plant.current_plant().name == "Behind our back"


def test_without_a_database_the_last_known_plant_serves(as_admin, monkeypatch):
    factories.site()

    def refuse(*_args):
        raise DatabaseError("gone")

    monkeypatch.setattr(plant, "REMEMBERED_SECONDS", 0.0)
    with connection.execute_wrapper(refuse):
        assert plant.current_plant().time_zone == "Asia/Tokyo"
        plant.forget()
        assert plant.current_plant() == plant.UNKNOWN


@pytest.mark.parametrize(("path", "zone"), [("/orders/", "Asia/Tokyo"), ("/api/v1/lines/", "UTC")])
def test_pages_speak_plant_time_and_the_api_utc(as_admin, path, zone):
    factories.site()
    seen = []

    def view(_request):
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    PlantTimeMiddleware(view)(RequestFactory().get(path))

    assert seen == [zone]
    assert timezone.localtime(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).utcoffset() == dt.timedelta(0)
