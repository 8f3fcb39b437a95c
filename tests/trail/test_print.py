"""What a page shows of a signed record is on its print as well (21 CFR 11.50(b), 11.10(a)).

The server of these tests has no socket: the pages are greyed as out of date, and have to print all the same.
"""

import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import sync_playwright

from audit.models import Signature
from production.models import WorkOrder
from production.services.work_orders import update_work_order
from tests import factories
from tests.browser.conftest import CHROMIUM, QUIET
from tests.reports.pdfa import text_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DIFFERS = "The content differs from what was signed."


def printed(address: str, session: str, paths: list[str]) -> list[str]:
    """In a thread of its own: Playwright's event loop would forbid this one the database."""

    def draw() -> list[bytes]:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            context = chromium.new_context()
            context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
            page = context.new_page()
            pages = []
            for path in paths:
                page.goto(address + path)
                page.wait_for_load_state("networkidle")
                pages.append(page.pdf())
            chromium.close()
        return pages

    with ThreadPoolExecutor(1) as pool:
        pages = pool.submit(draw).result()
    return [unicodedata.normalize("NFKC", text_of(pdf)) for pdf in pages]  # chromium sets "ff" as one letter


def paths_of(order: WorkOrder) -> list[str]:
    return [f"/orders/{order.pk}/", f"/audit/work_orders/{order.pk}/"]


@pytest.mark.skipif(not os.path.exists(CHROMIUM) and os.environ.get("CI") != "true", reason="needs chromium")
def test_the_print_of_order_and_trail_shows_signatures_and_what_differs(live_server, signed_in, plant):
    kept, changed = factories.work_order(plant, status="released"), factories.work_order(plant, status="released")
    update_work_order(work_order_id=changed.pk, special_instructions="written afterwards", reason="Kunde fragte danach")
    session = signed_in("auditor").cookies["sessionid"].value

    pages = printed(live_server.url, session, [*paths_of(kept), *paths_of(changed)])

    for text in pages:
        assert "Released for production" in text
        assert "Test admin" in text
        assert "SHA-256" in text
    assert {Signature.objects.get(record_pk=str(kept.pk)).digest in text.replace(" ", "") for text in pages[:2]} == {
        True
    }
    assert [DIFFERS in text for text in pages] == [False, False, True, True]
    assert all("written afterwards" in text for text in pages[2:])
