"""A shift as people live it: an order signed, run at the terminal, watched on the board, measured."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD

pytestmark = pytest.mark.browser

PATIENCE = 15_000  # ms; a live update takes well under one second, a busy test machine may need more


def waiting_for_signature(plant) -> tuple[str, str]:
    """Key and number of a planned order with a line."""
    return plant.rows(
        "SELECT id::text, work_order_number FROM work_orders WHERE status = 'planned' "
        "AND production_line_id IS NOT NULL ORDER BY priority, scheduled_start LIMIT 1"
    )[0]


def test_a_supervisor_signs_a_release_and_a_wrong_password_signs_nothing(plant, sign_in):
    key, number = waiting_for_signature(plant)
    page = sign_in("supervisor")
    page.goto(f"/orders/{key}/")
    page.get_by_role("button", name="Release").or_(page.get_by_role("link", name="Release")).first.click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text(number)
    expect(dialog).to_contain_text("SHA-256")

    dialog.get_by_label("Reviewed and released").check()
    dialog.get_by_label("User name").fill("supervisor")
    dialog.get_by_label("Password").fill("wrong")
    dialog.get_by_role("button", name="Sign and release").click()
    expect(dialog).to_contain_text("User name or password is wrong")
    assert plant.rows("SELECT count(*) FROM audit_signature WHERE record_pk = %s", key) == [(0,)]

    dialog.get_by_label("Reviewed and released").check()
    dialog.get_by_label("User name").fill("supervisor")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign and release").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("main")).to_contain_text("Tanaka Kenji")
    expect(page.locator("main")).to_contain_text("Reviewed and released")
    assert plant.rows("SELECT status FROM work_orders WHERE id = %s", key) == [("released",)]


def terminal_of(page: Page, code: str) -> None:
    page.goto(f"/terminal/line/{code}/")


def running_job(plant) -> tuple[str, str, str]:
    """Job key, order number and line code of the first running job."""
    return plant.rows(
        "SELECT j.id::text, w.work_order_number, l.line_code FROM production_joborder j "
        "JOIN work_orders w ON w.id = j.work_order_id JOIN production_lines l ON l.id = j.production_line_id "
        "WHERE j.status = 'running' AND w.status = 'in_progress' ORDER BY l.line_code LIMIT 1"
    )[0]


def good_of(plant, job: str) -> int:
    return int(plant.rows("SELECT good FROM production_joborder WHERE id = %s", job)[0][0])


def test_what_an_operator_counts_appears_on_the_board_of_another_browser(plant, sign_in):
    job, number, code = running_job(plant)
    before = good_of(plant, job)
    board = sign_in("supervisor")
    board.goto("/board/")
    tile = board.locator(".tile", has_text=number)
    expect(tile.locator(".tile-good b")).to_have_text(re.compile(rf"^{before:,}$"))

    operator = sign_in("operator", width=800, height=1280)
    terminal_of(operator, code)
    operator.locator('[data-key="+5"]').click()
    operator.locator(".report-submit").click()

    expect(tile.locator(".tile-good b")).to_have_text(re.compile(rf"^{before + 5:,}$"), timeout=PATIENCE)
    assert good_of(plant, job) == before + 5


def test_scrap_needs_a_reason_and_the_numbers_stay(plant, sign_in):
    job, _number, code = running_job(plant)
    before = plant.rows("SELECT scrap::int FROM production_joborder WHERE id = %s", job)[0][0]
    page = sign_in("operator", width=800, height=1280)
    terminal_of(page, code)

    page.locator("#count-scrap").click()
    page.locator('.keypad [data-key="1"]').click()
    page.locator(".report-submit").click()
    expect(page.locator("#report")).to_contain_text("reason", ignore_case=True)
    expect(page.locator("#count-scrap")).to_have_value("1")

    page.locator('#report input[name="reason"]').first.check(force=True)
    page.locator(".report-submit").click()
    expect(page.locator("#count-scrap")).to_have_value("")
    assert plant.rows("SELECT scrap::int FROM production_joborder WHERE id = %s", job)[0][0] == before + 1


def test_a_stop_is_explained_in_two_taps(plant, sign_in):
    _job, number, _code = running_job(plant)
    page = sign_in("supervisor")
    page.goto("/board/")
    tile = page.locator(".tile", has_text=number)
    tile.locator("button", has_text="Cause a problem").click()
    expect(tile).to_have_attribute("data-state", "stopped", timeout=PATIENCE)

    tile.get_by_role("button", name="Explain").click()
    page.locator("dialog[open] .choice-button").first.click()

    expect(tile.get_by_role("button", name="Explain")).to_have_count(0, timeout=PATIENCE)
    line = tile.get_attribute("id").removeprefix("line-")
    reason = plant.rows(
        "SELECT reason_id IS NOT NULL FROM equipment_linestateinterval WHERE line_id = %s AND ended_at IS NULL", line
    )
    assert reason == [(True,)]


def test_a_page_that_loses_its_server_says_so_and_recovers_by_itself(plant, sign_in):
    page = sign_in("supervisor")
    page.goto("/board/")
    expect(page.locator("html")).to_have_attribute("data-connection", "live", timeout=PATIENCE)

    plant.kill("web")
    expect(page.locator("html")).to_have_attribute("data-connection", "lost", timeout=PATIENCE)
    plant.restart("web")

    expect(page.locator("html")).to_have_attribute("data-connection", "live", timeout=4 * PATIENCE)


def test_an_inspector_enters_measurements_and_sees_the_verdict(plant, sign_in):
    order, code = plant.rows(
        "SELECT w.id::text, c.code FROM work_orders w JOIN quality_characteristic c ON c.product_id = w.product_id "
        "WHERE w.status IN ('in_progress', 'completed') AND NOT c.is_informational ORDER BY w.status DESC LIMIT 1"
    )[0]
    before = plant.rows("SELECT count(*) FROM quality_checks WHERE work_order_id = %s", order)[0][0]
    page = sign_in("inspector")
    page.goto(f"/quality/checks/new/?order={order}")
    page.get_by_label("Piece").fill("B-17")
    for field in page.locator("input[data-upper], input[data-lower]").all():
        limits = field.get_attribute("data-upper") or field.get_attribute("data-lower")
        field.fill(limits)  # on the limit passes
    page.locator("main form button.button-primary").last.click()

    expect(page.locator("main")).to_contain_text("Pass", timeout=PATIENCE)
    assert plant.rows("SELECT count(*) FROM quality_checks WHERE work_order_id = %s", order)[0][0] == before + 1
    assert code
