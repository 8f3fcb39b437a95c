"""Signing as people do it: a wrong password, a series, and content that changed after it was signed."""

import datetime as dt
import json
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD
from tests.running_plant import RunningPlant

pytestmark = pytest.mark.browser


class Planner:
    """Makes orders over the API, as somebody else than who signs them."""

    def __init__(self, plant: RunningPlant) -> None:
        self.plant = plant
        self.token = ""
        self.token = self.post("auth/token/", username="planner", password=PASSWORD)["access"]

    def post(self, path: str, method: str = "POST", **body: Any) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(
            f"{self.plant.url}/api/v1/{path}", json.dumps(body).encode(), headers, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def planned(self, number: str) -> str:
        product, line = self.plant.rows(
            "SELECT product_id::text, production_line_id::text FROM work_orders WHERE status = 'planned' LIMIT 1"
        )[0]
        start = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
        made = self.post(
            "work-orders/",
            work_order_number=number,
            product_id=product,
            production_line_id=line,
            planned_quantity=10,
            scheduled_start=start.isoformat(),
            scheduled_end=(start + dt.timedelta(hours=8)).isoformat(),
        )
        self.post(f"work-orders/{made['id']}/plan/")
        return str(made["id"])


@pytest.fixture(scope="module")
def planner(plant: RunningPlant) -> Planner:
    return Planner(plant)


@pytest.fixture
def page(sign_in) -> Page:
    return sign_in("supervisor")


def open_dialog(page: Page, key: str):
    page.goto(f"/orders/{key}/")
    page.locator("#step-release").click()
    return page.locator("dialog[open]")


def sign(dialog, *, password: str = PASSWORD) -> None:
    dialog.get_by_label("Released for production").check()
    if dialog.get_by_label("User name").count():
        dialog.get_by_label("User name").fill("supervisor")
    dialog.get_by_label("Password").fill(password)
    dialog.get_by_role("button", name="Sign and release").click()


def signatures(plant: RunningPlant, key: str) -> int:
    return plant.rows("SELECT count(*) FROM audit_signature WHERE record_pk = %s", key)[0][0]


def test_a_wrong_password_signs_nothing_and_a_series_asks_for_the_password_only(plant, planner, page, axe):
    first, second = planner.planned("WO-SERIES-1"), planner.planned("WO-SERIES-2")

    dialog = open_dialog(page, first)
    expect(dialog.get_by_label("User name")).to_be_visible()
    assert axe(page) == []
    sign(dialog, password="wrong")
    expect(dialog).to_contain_text("User name or password is wrong")
    assert signatures(plant, first) == 0
    sign(dialog)
    expect(dialog).to_be_hidden()

    dialog = open_dialog(page, second)
    expect(dialog.get_by_label("Password")).to_be_visible()
    expect(dialog.get_by_label("User name")).to_have_count(0)
    sign(dialog)
    expect(dialog).to_be_hidden()
    expect(page.locator("main")).to_contain_text("+09:00 (Asia/Tokyo)")
    assert plant.rows(
        "SELECT components::text, first_in_window FROM audit_signature WHERE record_pk IN (%s, %s) ORDER BY signed_at",
        first,
        second,
    ) == [('["id", "password"]', True), ('["password"]', False)]


def test_what_was_changed_after_signing_says_so(plant, planner, page):
    key = planner.planned("WO-EDITED")
    sign(open_dialog(page, key))
    expect(page.locator("main")).to_contain_text("The content matches what was signed.")

    planner.post(f"work-orders/{key}/", method="PATCH", planned_quantity=11, reason="One more was wanted")

    expect(page.locator("main")).to_contain_text("The content differs from what was signed.", timeout=15_000)
    page.goto("/orders/?q=WO-EDITED")
    expect(page.locator(".signed-mark")).to_contain_text("superseded")


def test_several_are_signed_together(plant, planner, page, axe):
    keys = [planner.planned(f"WO-TOGETHER-{n}") for n in (1, 2)]
    page.goto("/signatures/")
    for n in (1, 2):
        page.get_by_label(f"Choose WO-TOGETHER-{n}").check()
    assert axe(page) == []
    page.get_by_role("button", name="Sign the chosen together").click()
    expect(page.locator("main")).to_contain_text("WO-TOGETHER-2")
    assert axe(page) == []

    page.get_by_label("Released for production").check()
    page.get_by_label("User name").fill("supervisor")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign the checked records").click()

    expect(page.locator("body")).to_contain_text("WO-TOGETHER-1, WO-TOGETHER-2")
    assert [signatures(plant, key) for key in keys] == [1, 1]
