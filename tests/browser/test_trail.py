"""The audit trail in a browser: read in Japanese, by keyboard and on a phone, in both themes."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("ja", "dark")])
@pytest.mark.parametrize("path", ["/audit/", "/audit/?type=work_orders&action=U", "/audit/?record=nothing-like-it"])
def test_axe_finds_nothing_serious(sign_in, axe, path, language, theme):
    page = sign_in("auditor", language=language, theme=theme)
    page.goto(path)
    page.wait_for_load_state("networkidle")

    assert axe(page) == []


def test_the_trail_is_read_in_japanese(sign_in):
    page = sign_in("auditor", language="ja")
    page.goto("/audit/")
    page.locator('select[name="type"]').select_option("work_orders")
    page.locator('select[name="action"]').select_option("U")
    page.locator(".trail-buttons button").click()

    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.locator(".trail-label", has_text="ステータス").first).to_be_visible()
    expect(page.locator("tbody time").first).to_contain_text("+09:00")
    first = page.locator("tbody tr").first
    number = first.locator("td:nth-child(3) a").inner_text()
    first.locator("td:nth-child(3) a").click()
    expect(page.locator("h1")).to_have_text(number)


def test_older_entries_are_one_click_away_and_back_is_back(sign_in):
    page = sign_in("auditor")
    page.goto("/audit/")
    newest = page.locator("tbody tr").first.get_attribute("id")
    page.locator('a[rel="next"]').click()
    page.wait_for_load_state()

    assert page.locator("tbody tr").first.get_attribute("id") != newest
    page.go_back()
    expect(page.locator("tbody tr").first).to_have_attribute("id", newest)


def test_a_phone_shows_it_without_scrolling_sideways(sign_in):
    page = sign_in("auditor", width=360, height=740)
    page.goto("/audit/?type=work_orders")

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_csv_streams_through_the_server(sign_in):
    page = sign_in("auditor")
    page.goto("/audit/?type=production_lines")
    with page.expect_download() as download:
        page.locator('a[download][href*=".csv"]').click()

    text = download.value.path().read_text(encoding="utf-8-sig")
    assert text.startswith("Entry,Time,UTC")
    assert "line_code" in text
