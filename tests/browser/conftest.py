"""One running plant and one chromium for the browser tests; each test gets fresh browser contexts.

Both end with this package: Playwright keeps an event loop in the thread, which other tests must not inherit.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.running_plant import RunningPlant, running_plant

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "genba-demo-2026"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not os.path.exists(CHROMIUM):
        if os.environ.get("CI") == "true":
            pytest.fail("CI installs chromium")
        pytest.skip("needs chromium")
    # Playwright keeps an event loop in this thread; Django would take every query here for one of async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package")
def plant(browser: Browser) -> Iterator[RunningPlant]:
    with running_plant() as plant:
        yield plant


@pytest.fixture
def sign_in(browser: Browser, plant: RunningPlant) -> Iterator[Callable[..., Page]]:
    """`sign_in("operator")` is a page of a browser of its own, signed in through the demo's start page."""
    contexts, complaints = [], []

    def open_page(
        role: str, *, language: str = "en", theme: str = "light", width: int = 1280, height: int = 800
    ) -> Page:
        context = browser.new_context(
            locale=language, color_scheme=theme, viewport={"width": width, "height": height}, base_url=plant.url
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if message.type == "error" and not EXPECTED.search(message.text)
                else None
            ),
        )
        page.goto("/")
        page.locator(f'button[value="{role}"], form:has(input[name="role"][value="{role}"]) button').first.click()
        page.wait_for_load_state()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == [], "the browser's console complained"


# A refused form answers 4xx on purpose, and chromium logs every such answer.
EXPECTED = re.compile(r"status of (403|404|409|422)")


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """Serious and critical findings of axe-core on a page, as `rule: element`."""

    def findings(page: Page) -> list[str]:
        results = Axe().run(page)
        return [
            f"{violation['id']}: {node['target']}"
            for violation in results.response["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    return findings
