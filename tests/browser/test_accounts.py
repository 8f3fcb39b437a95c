"""An account locked at the login page is seen, opened and told about, in both languages and themes."""

import time

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def lock(browser, plant, username):
    context = browser.new_context(base_url=plant.url, locale="en")
    page = context.new_page()
    for _ in range(5):
        page.goto("/accounts/login/")
        page.locator("[name=username]").fill(username)
        page.locator("[name=password]").fill("not-the-password")
        page.locator("form .button-primary").click()
        expect(page.get_by_text("The user name or the password is wrong.")).to_be_visible()
    context.close()


def locked(plant, username):
    return plant.rows(f"SELECT locked_at IS NOT NULL FROM accounts_user WHERE username = '{username}'")[0][0]


@pytest.mark.parametrize(("language", "theme", "width"), [("en", "light", 1280), ("ja", "dark", 360)])
def test_a_locked_account_is_shown_to_a_supervisor_who_opens_it(browser, plant, sign_in, axe, language, theme, width):
    lock(browser, plant, "maintenance")
    assert locked(plant, "maintenance")

    page = sign_in("supervisor", language=language, theme=theme, width=width)
    page.goto("/orders/")
    page.locator("a[href='/accounts/security/']").click()
    page.wait_for_load_state("networkidle")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("[name=reason]").fill("Asked at the machine, was tired")
    page.locator("form:has([name=reason]) button").click()

    expect(page.locator("[name=reason]")).to_have_count(0)
    page.goto("/orders/")
    expect(page.locator("a[href='/accounts/security/']")).to_have_count(0)
    assert not locked(plant, "maintenance")


def test_the_notice_is_delivered_within_a_minute(browser, plant, sign_in):
    lock(browser, plant, "planner")
    until = time.monotonic() + 60
    delivered = "SELECT delivered_at IS NOT NULL FROM audit_outbox WHERE payload ->> 'username' = 'planner'"
    while not plant.rows(delivered)[0][0] and time.monotonic() < until:
        time.sleep(1)

    assert plant.rows(delivered)[0][0]
    page = sign_in("supervisor")
    page.goto("/accounts/security/")
    page.locator("[name=reason]").fill("Asked at the machine, was tired")
    page.locator("form:has([name=reason]) button").click()
    expect(page.locator("form:has([name=reason])")).to_have_count(0)
