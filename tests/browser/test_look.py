"""Every page in both languages and themes: nobody is kept out, nothing overflows, the console stays silent."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PAGES = {
    "board": "/board/",
    "orders": "/orders/",
    "kpi": "/kpi/",
    "quality": "/quality/",
    "checks": "/quality/checks/",
    "terminal": "/terminal/",
    "shifts": "/shifts/",
    "telemetry": "/telemetry/",
}


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("ja", "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(sign_in, axe, name, language, theme):
    page = sign_in("supervisor", language=language, theme=theme)
    page.goto(PAGES[name])
    page.wait_for_load_state("networkidle")

    assert axe(page) == []
    assert page.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize("path", ["order", "characteristic", "line", "shift", "series"])
def test_axe_finds_nothing_serious_on_details(plant, sign_in, axe, path):
    table, prefix = {
        "order": ("work_orders", "/orders/"),
        "characteristic": ("quality_characteristic", "/quality/characteristics/"),
        "line": ("production_lines", "/lines/"),
        "shift": ("production_scheduledshift", "/shifts/"),
        "series": ("telemetry_series", "/telemetry/series/"),
    }[path]
    key = plant.rows(f"SELECT id::text FROM {table} ORDER BY id LIMIT 1")[0][0]
    page = sign_in("supervisor")
    page.goto(f"{prefix}{key}/")
    page.wait_for_load_state("networkidle")

    assert axe(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_every_page_without_scrolling_sideways(sign_in, name):
    page = sign_in("supervisor", width=360, height=740)
    page.goto(PAGES[name])

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_language_is_switched_and_stays(sign_in):
    page = sign_in("supervisor")
    page.goto("/orders/")
    page.locator("summary[aria-label='Language']").click()
    page.locator('button[name="language"][value="ja"]').click()

    expect(page.locator("html")).to_have_attribute("lang", "ja")
    page.goto("/board/")
    expect(page.locator("html")).to_have_attribute("lang", "ja")


def test_the_wall_fits_twelve_state_words_without_scrolling(sign_in):
    page = sign_in("supervisor", width=1920, height=1080)
    page.goto("/board/?wall=1")

    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    height = page.locator(".tile-state").first.bounding_box()["height"]
    assert height >= 0.045 * 1080
