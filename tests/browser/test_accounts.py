"""Accounts in a browser: a locked one is seen and opened, an authenticator app set up and used, a statement read."""

import time

import pyotp
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD

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


def own_key(page):
    """Set up an authenticator app for whoever is signed in; the key as the page shows it."""
    page.locator("details.menu > summary").last.click()
    page.locator("a[href='/accounts/signing/']").click()
    page.locator("a[href='/accounts/signing/authenticator/']").click()
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form .button-primary").click()
    expect(page.locator(".plain-qr svg")).to_be_visible()
    return page.locator(".plain-key").inner_text().replace(" ", "")


@pytest.mark.parametrize(
    ("role", "language", "theme", "width"), [("planner", "en", "light", 1280), ("inspector", "ja", "dark", 360)]
)
def test_an_authenticator_app_is_set_up_and_asked_for(browser, plant, sign_in, axe, role, language, theme, width):
    """By people who sign nothing in other tests: who once had an app does not sign with the password alone any more."""
    page = sign_in(role, language=language, theme=theme, width=width)
    page.goto("/orders/")
    key = own_key(page)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    used = pyotp.TOTP(key).now()
    page.locator("[name=code]").fill(used)
    page.locator("form .button-primary").click()
    page.wait_for_url("**/accounts/signing/")
    assert axe(page) == []
    assert key not in page.content()

    context = browser.new_context(base_url=plant.url, locale=language)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.locator("[name=username]").fill(role)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form .button-primary").click()
    page.wait_for_url("**/accounts/login/code/")
    assert axe(page) == []
    page.locator("[name=code]").fill(used)  # seen over somebody's shoulder
    page.locator("form .button-primary").click()
    expect(page.locator(".field-error")).to_be_visible()
    expect(page.locator("[name=code]")).to_have_value("")
    page.locator("[name=code]").fill(pyotp.TOTP(key).at(time.time() + 30))
    page.locator("form .button-primary").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    context.close()
    plant.rows("UPDATE accounts_user SET totp_key = '', totp_since = NULL WHERE username = %s RETURNING 1", role)


@pytest.mark.parametrize(("language", "theme", "width"), [("en", "light", 1280), ("ja", "dark", 360)])
def test_the_statement_is_read_on_a_page_of_its_own(sign_in, axe, language, theme, width):
    page = sign_in("supervisor", language=language, theme=theme, width=width)

    page.goto("/accounts/signing/statement/")

    expect(page.get_by_text("手書きの署名" if language == "ja" else "handwritten signature")).to_be_visible()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
