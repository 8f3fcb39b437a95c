"""A device has a name: given by who sets it up, kept by its browser, known to every act, and not to be made up."""

import pytest
from django.test import Client

from audit.context import current_act
from audit.stations import COOKIE
from production.views import terminal_page

pytestmark = pytest.mark.django_db

DEVICE, TERMINAL = "/terminal/device/", "/terminal/?choose=1"
NAME = "1号ライン プレス"


@pytest.fixture
def stations(monkeypatch) -> list[str]:
    """Where each act on the terminal was done."""
    seen: list[str] = []
    find_line = terminal_page.find_line

    def noting(code: str):
        seen.append(current_act().station)
        return find_line(code)

    monkeypatch.setattr("production.views.terminal.find_line", noting)
    return seen


def named(client: Client, name: str = NAME) -> Client:
    answer = client.post(DEVICE, {"name": name})
    assert answer.status_code == 302
    return client


def test_a_named_device_is_known_to_every_act_whoever_signs_in(signed_in, plant, stations):
    client = named(signed_in("maintenance"), f"  {NAME}  ")
    assert f"This device is now called “{NAME}”." in client.get(DEVICE).content.decode()

    signed_in("operator")  # the same browser
    page = client.get(f"/terminal/line/{plant.line.line_code}/")

    assert stations == [NAME]
    assert page.cookies[COOKIE]["max-age"] == 400 * 24 * 3600
    assert page.cookies[COOKIE]["httponly"]
    assert NAME in client.get(TERMINAL).content.decode()


def test_the_name_is_taken_away_by_an_empty_one(signed_in, plant, stations):
    client = named(named(signed_in("planner")), "  ")
    said = client.get(DEVICE).content.decode()

    page = client.get(f"/terminal/line/{plant.line.line_code}/")

    assert "This device has no name now." in said
    assert stations == [""]
    assert COOKIE not in page.cookies


def test_an_operator_cannot_be_elsewhere_at_will(signed_in, plant, stations):
    client = signed_in("operator")

    refused = client.post(DEVICE, {"name": "Somewhere else"})
    client.cookies[COOKIE] = "Somewhere else"
    client.get(f"/terminal/line/{plant.line.line_code}/", headers={"X-Station": "Somewhere else"})

    assert refused.status_code == 403
    assert COOKIE not in refused.cookies
    assert stations == [""]
    assert DEVICE not in client.get(TERMINAL).content.decode()


def test_a_name_that_is_too_long_is_refused(signed_in):
    answer = signed_in("planner").post(DEVICE, {"name": "x" * 51})

    assert answer.status_code == 422
    assert COOKIE not in answer.cookies


def test_a_program_says_which_station_it_speaks_for(client, user_of, monkeypatch):
    seen: list[str] = []
    monkeypatch.setattr("equipment.api.views.LineViewSet.filter_queryset", lambda self, rows: _note(seen, rows))
    client.force_login(user_of("integration"))

    client.get("/api/v1/lines/", headers={"X-Station": "Press 7" + "x" * 60})

    assert seen == ["Press 7" + "x" * 43]


def _note(seen: list[str], rows):
    seen.append(current_act().station)
    return rows.order_by("line_code")
