"""An order edited by an administrator of the database, past every trigger: whoever opens it sees that."""

from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import expect

from deploy.roles import address

pytestmark = pytest.mark.browser


@pytest.fixture
def forged(plant) -> Iterator[str]:
    """The key of an open order whose quantity and instructions are not what was entered; restored afterwards."""
    with psycopg.connect(
        address(plant.admin_url, database=plant.urls["app"].rsplit("/", 1)[1]), autocommit=True
    ) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("ALTER TABLE work_orders DISABLE TRIGGER USER")
        key, quantity, text = admin.execute(
            "SELECT id::text, planned_quantity, special_instructions FROM work_orders WHERE status = 'released'"
            " ORDER BY id DESC LIMIT 1"
        ).fetchone()
        change = "UPDATE work_orders SET planned_quantity = %s, special_instructions = %s WHERE id = %s"
        admin.execute(change, [4711, "Skip the final check.", key])
        yield key
        admin.execute(change, [quantity, text, key])
        for (trigger,) in admin.execute(
            "SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = 'work_orders'::regclass AND NOT tgisinternal"
        ).fetchall():
            admin.execute(f"ALTER TABLE work_orders ENABLE ALWAYS TRIGGER {trigger}")


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_the_order_says_that_its_content_differs(sign_in, axe, forged, theme, width):
    page = sign_in("supervisor", theme=theme, width=width)
    page.goto(f"/orders/{forged}/")

    notice = page.locator("#altered")
    expect(notice).to_contain_text("This record was altered outside Genba.")
    expect(notice.locator("tr", has_text="Planned quantity")).to_contain_text("4711")
    expect(notice.locator("tr", has_text="instructions")).to_contain_text("Skip the final check.")
    # It was signed: what was signed is not what is there.
    expect(page.locator(".signature-differs").first).to_contain_text("The content differs from what was signed.")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_its_trail_says_so_in_the_readers_language_and_is_quiet_about_others(sign_in, axe, forged):
    page = sign_in("auditor", language="ja")
    page.goto(f"/audit/work_orders/{forged}/")

    expect(page.locator("#altered tbody tr")).to_have_count(2)
    expect(page.locator("#altered")).to_contain_text("4711")
    assert axe(page) == []
    page.goto("/audit/?type=work_orders")
    expect(page.locator("#altered")).to_have_count(0)
