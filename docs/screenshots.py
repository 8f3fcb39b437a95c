"""Takes the pictures of README.md and docs/ as `docs/images/<name>-<theme>.png`.

    .venv/bin/python docs/screenshots.py                          a demo plant of its own, ended afterwards
    .venv/bin/python docs/screenshots.py http://127.0.0.1:8000    a plant that runs; counts pieces, stops a line

Needs chromium on PATH and the packages of requirements-dev.txt (`make check` installs them).
"""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
LARGEST_BYTES = 200_000
DESK, TABLET, TALL = (1280, 800), (800, 1280), (1280, 940)
BOTH = ("light", "dark")
RUNS, STANDS = "LINE-1", "LINE-2"


class Camera:
    """Opens pages as somebody, on a screen of some size, and photographs them."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url

    @contextmanager
    def page(self, role: str, size: tuple[int, int], theme: str = "light") -> Iterator[Page]:
        width, height = size
        context = self.browser.new_context(
            base_url=self.url,
            locale="en",
            color_scheme=theme,  # type: ignore[arg-type]
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto("/")
        page.locator(f'form:has(input[name="role"][value="{role}"]) button').click()
        page.wait_for_load_state()
        yield page
        context.close()

    def take(
        self,
        name: str,
        role: str,
        size: tuple[int, int],
        show: Callable[[Page], None],
        *,
        themes: tuple[str, ...] = BOTH,
    ) -> None:
        for theme in themes:
            with self.page(role, size, theme) as page:
                show(page)
                page.mouse.move(0, 0)  # nothing under the pointer
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(700)  # charts are drawn, the live connection says so
                path = IMAGES / f"{name}-{theme}.png"
                page.screenshot(path=path)
                report(path)


def report(path: Path) -> None:
    size = path.stat().st_size
    sys.stdout.write(f"{path.relative_to(ROOT)}  {size // 1000} kB\n")
    if size > LARGEST_BYTES:
        raise SystemExit(f"{path.name} is larger than {LARGEST_BYTES // 1000} kB: show less of the page.")


# --- A plant worth a picture ----------------------------------------------------------------------------------


def arrange(camera: Camera) -> None:
    """One line runs and has made something; the other stands, and nobody has said why."""
    with camera.page("operator", TABLET) as page:
        make(page, STANDS, pieces=[12, 15])
        make(page, RUNS, pieces=[25, 30, 8])
    with camera.page("supervisor", DESK) as page:
        page.goto("/board/")
        tile = page.locator(".tile", has=page.get_by_role("link", name="Shaft machining"))
        if tile.get_attribute("data-state") != "stopped":
            tile.get_by_role("button", name="Cause a problem").click()
        expect(tile).to_have_attribute("data-state", "stopped")


def make(page: Page, line: str, *, pieces: list[int]) -> None:
    page.goto(f"/terminal/line/{line}/")
    runs = page.get_by_role("button", name="Line runs")
    if runs.count():
        runs.click()
        expect(page.locator("#terminal-state")).to_contain_text("Running")
    for good in pieces:
        type_count(page, good=good)
        page.locator(".report-submit").click()
        expect(page.locator("#count-good")).to_have_value("")


def type_count(page: Page, **counts: int) -> None:
    for name, pieces in counts.items():
        page.locator(f"#count-{name}").click()
        for digit in str(pieces):
            page.locator(f'.keypad [data-key="{digit}"]').click()


# --- What is shown --------------------------------------------------------------------------------------------


def board(page: Page) -> None:
    page.goto("/board/")


def terminal(page: Page) -> None:
    page.goto(f"/terminal/line/{RUNS}/")
    type_count(page, good=12)


def terminal_scrap(page: Page) -> None:
    page.goto(f"/terminal/line/{RUNS}/")
    type_count(page, good=12, scrap=1)
    page.locator("#report .choice").first.click()


def terminal_start(page: Page) -> None:
    """The first job of the next order: nothing of it runs yet."""
    page.goto(f"/terminal/line/{RUNS}/")
    page.locator(".queue-job", has_text=re.compile(r"· 10 ")).first.click()
    expect(page.locator(".job-start")).to_be_visible()


def explain(page: Page) -> None:
    page.goto(f"/terminal/line/{STANDS}/")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("dialog[open]")).to_be_visible()


def order(page: Page) -> None:
    page.goto("/board/")
    number = page.locator(".tile", has=page.get_by_role("link", name="Relay assembly")).locator(".tile-order .strong")
    page.goto(f"/orders/?q={number.inner_text()}")
    page.get_by_role("link", name=re.compile("^WO-")).first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def sign(page: Page) -> None:
    page.goto("/orders/?status=planned")
    page.get_by_role("link", name=re.compile("^WO-")).first.click()
    page.get_by_role("button", name="Release").or_(page.get_by_role("link", name="Release")).first.click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Reviewed and released").check()


def signatures(page: Page) -> None:
    page.goto("/signatures/")


def kpi(page: Page) -> None:
    page.goto("/kpi/")


def characteristic(page: Page) -> None:
    page.goto("/quality/")
    page.get_by_role("link", name=re.compile("Bearing seat diameter|^D1$")).first.click()


def take_all(camera: Camera) -> None:
    arrange(camera)
    camera.take("board", "supervisor", DESK, board)
    camera.take("terminal", "operator", TABLET, terminal)
    camera.take("order", "supervisor", DESK, order)
    camera.take("kpi", "supervisor", DESK, kpi)
    only = ("light",)
    camera.take("terminal-start", "operator", TABLET, terminal_start, themes=only)
    camera.take("terminal-scrap", "operator", TABLET, terminal_scrap, themes=only)
    camera.take("explain", "operator", TABLET, explain, themes=only)
    camera.take("sign", "supervisor", TALL, sign, themes=only)
    camera.take("signatures", "supervisor", DESK, signatures, themes=only)
    camera.take("characteristic", "qa_manager", DESK, characteristic, themes=only)


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("chromium is not on PATH.")
    IMAGES.mkdir(exist_ok=True)
    with ExitStack() as stack:
        url = sys.argv[1] if len(sys.argv) > 1 else own_plant(stack)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        stack.callback(browser.close)
        take_all(Camera(browser, url))


def own_plant(stack: ExitStack) -> str:
    sys.path.insert(0, str(ROOT))
    from tests.running_plant import running_plant

    return stack.enter_context(running_plant()).url


if __name__ == "__main__":
    main()
