"""The review of the audit trail in a browser: read, signed, and the next period begins where it ended."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD
from tests.running_plant import RunningPlant

pytestmark = pytest.mark.browser

NEW, LIST = "/audit/reviews/new/", "/audit/reviews/"
PATIENCE = 150  # seconds: a period ends at a full minute that is over, and holds nothing that waits for its seal
LOOKS = [("en", "light", 1280), ("ja", "dark", 1280), ("ja", "light", 390)]


def open_period(page: Page) -> None:
    """The page of the review, once there is a period that can be reviewed."""
    for _ in range(PATIENCE // 3):
        page.goto(NEW)
        if page.locator("#id_conclusion").count():
            return
        page.wait_for_timeout(3_000)
    pytest.fail(page.locator("main").inner_text())


def sign(page: Page, *, said: str, password: str, words: dict[str, str]) -> None:
    page.locator("#id_conclusion").fill(said)
    page.get_by_role("button", name=words["sign"]).click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("SHA-256")
    expect(dialog).to_contain_text(said)
    dialog.locator('input[type="radio"]').first.check()
    if dialog.get_by_label(words["name"]).count():
        dialog.get_by_label(words["name"]).fill("qa_manager")
    dialog.locator('input[type="password"]').fill(password)
    dialog.get_by_role("button", name=words["sign"]).click()


ENGLISH = {"sign": "Sign the review", "name": "User name", "follows": "where the review before ended"}
JAPANESE = {"sign": "照査に署名", "name": "ユーザー名", "follows": "前回の照査の終わり"}


def reviews(plant: RunningPlant) -> list[tuple]:
    return plant.rows(
        "SELECT id::text, since, until, comment, follows_id::text, follows_until FROM audit_trailreview ORDER BY until"
    )


def test_a_period_is_read_and_signed_and_the_next_begins_where_it_ended(plant, sign_in, axe):
    page = sign_in("qa_manager")
    open_period(page)
    expect(page.locator("main")).to_contain_text("where the journal begins")
    assert axe(page) == []
    sign(page, said="Two questions asked.", password="wrong-wrong", words=ENGLISH)
    expect(page.locator("dialog[open]")).to_contain_text("User name or password is wrong")
    assert axe(page) == []
    assert reviews(plant) == []
    page.locator("dialog[open]").locator('input[type="password"]').fill(PASSWORD)
    page.locator("dialog[open]").get_by_label("User name").fill("qa_manager")
    page.locator("dialog[open]").locator("footer button:not([data-close])").click()

    expect(page.locator("h1")).to_contain_text("Review of the audit trail")
    expect(page.locator("main")).to_contain_text("Two questions asked.")
    expect(page.locator("main")).to_contain_text("the first of its series")
    ((first, _since, end, *_rest),) = reviews(plant)

    japanese = sign_in("qa_manager", language="ja", theme="dark")
    open_period(japanese)
    expect(japanese.locator("h1")).to_contain_text("監査証跡を照査")
    expect(japanese.locator("form.filters").first).to_contain_text(JAPANESE["follows"])
    assert axe(japanese) == []
    sign(japanese, said="異常なし。", password=PASSWORD, words=JAPANESE)
    expect(japanese.locator("main")).to_contain_text("異常なし。")

    (_, (_second, since, _until, comment, follows, follows_until)) = reviews(plant)
    assert (since, follows, follows_until, comment) == (end, first, end, "異常なし。")
    expect(japanese.locator(f'a[href="{LIST}{first}/"]')).to_be_visible()


@pytest.mark.parametrize(("language", "theme", "width"), LOOKS)
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(plant, sign_in, axe, language, theme, width):
    page = sign_in("qa_manager", language=language, theme=theme, width=width)
    addresses = [LIST, NEW, *(f"{LIST}{review[0]}/" for review in reviews(plant)[:1])]
    for address in addresses:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert axe(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    assert len(addresses) == 3
