"""Live messages change what is shown and leave alone what the reader opened, typed or points at."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_shift import PATIENCE, running_job, terminal_of

pytestmark = pytest.mark.browser

COUNT = """
from accounts.models import User
from audit.context import act_as
from production.services.job_orders import report_quantity
with act_as(User.objects.get(username="{user}"), source="test"):
    for _ in range({times}):
        report_quantity(job_order_id="{job}", good=1)
"""
ADD_RUN = (
    "INSERT INTO production_operationrun "
    "(job_order_id, equipment_id, piece, started_at, ended_at, details, flags, source) "
    "SELECT %s, id, %s, now() - interval '1 hour', now(), '{}', '[]', 'test' FROM equipment_equipment "
    "ORDER BY id LIMIT 1 RETURNING id"
)


def counted(plant, job: str, *, times: int = 1) -> None:
    [(user,)] = plant.rows(
        "SELECT u.username FROM accounts_user u JOIN accounts_user_groups m ON m.user_id = u.id "
        "JOIN auth_group g ON g.id = m.group_id WHERE g.name = 'operator' ORDER BY u.username LIMIT 1"
    )
    plant.manage("shell", "-c", COUNT.format(user=user, times=times, job=job))


def live(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-connection", "live", timeout=PATIENCE)


def refreshed(page: Page) -> None:
    """Every live part of the page has been fetched once more, as after a lost connection."""
    with page.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('genba:refresh', {bubbles: true}))")
    expect(page.locator("[hx-get].htmx-request, .htmx-settling")).to_have_count(0)


@pytest.fixture(scope="module")
def told_order(plant):
    """A job and its order with runs of a machine and more story than the page shows at first."""
    job, _number, _code = running_job(plant)
    plant.rows(ADD_RUN, job, "A-1")
    counted(plant, job, times=25)
    return job, plant.rows("SELECT work_order_id::text FROM production_joborder WHERE id = %s", job)[0][0]


def test_what_was_opened_on_an_order_stays_open_while_counts_arrive(plant, sign_in, told_order):
    job, order = told_order
    page = sign_in("supervisor")
    page.goto(f"/orders/{order}/")
    live(page)
    page.locator("#order-runs > summary").click()
    page.locator("#order-older > summary").click()
    runs, story = page.locator("#order-runs tbody tr"), page.locator("#order-older li")
    expect(runs).to_have_count(1)  # of the fixture
    expect(page.locator("#order-checks h2")).to_be_visible()
    before = story.count()
    page.evaluate("""() => {
      window.emptied = 0;
      new MutationObserver(() => {
        const parts = [...document.querySelectorAll("[data-own-content]")];
        window.emptied += parts.filter((part) => !part.children.length).length;
      }).observe(document.querySelector("#order"), { childList: true, subtree: true });
    }""")

    plant.rows(ADD_RUN, job, "A-2")
    counted(plant, job)

    expect(story).to_have_count(before + 1, timeout=PATIENCE)
    expect(runs).to_have_count(2, timeout=PATIENCE)  # what was loaded when it opened is loaded again
    expect(page.locator("#order-runs")).to_have_attribute("open", "")
    expect(page.locator("#order-older")).to_have_attribute("open", "")
    assert page.evaluate("window.emptied") == 0


def test_a_closed_section_is_fetched_only_when_it_opens(sign_in, told_order):
    _job, order = told_order
    page = sign_in("supervisor")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/runs/") else None)
    page.goto(f"/orders/{order}/")
    live(page)
    refreshed(page)
    assert asked == []

    page.locator("#order-runs > summary").click()
    expect(page.locator("#order-runs tbody tr").first).to_be_visible()
    page.locator("#order-runs > summary").click()
    refreshed(page)
    assert len(asked) == 1


def test_why_a_step_was_refused_stays_until_the_next_act(sign_in, told_order):
    _job, order = told_order
    page = sign_in("supervisor")
    page.goto(f"/orders/{order}/")
    live(page)
    page.evaluate(
        f"htmx.ajax('POST', '/orders/{order}/plan/', {{source: '#order', target: '#order', swap: 'morph:innerHTML'}})"
    )
    refusal = page.locator("#order-refusal")
    expect(refusal).to_be_visible()

    refreshed(page)

    expect(refusal).to_be_visible()


def test_a_button_that_was_pressed_stays_off_until_its_answer(plant, sign_in):
    [(order,)] = plant.rows("SELECT id::text FROM work_orders WHERE status = 'created' ORDER BY id LIMIT 1")
    page = sign_in("planner")
    page.goto(f"/orders/{order}/")
    live(page)
    unanswered: list[Route] = []

    def wait(route: Route) -> None:
        unanswered.append(route)

    page.route("**/plan/", wait)
    page.locator("#step-plan").click()
    expect(page.locator("#step-plan")).to_be_disabled()

    refreshed(page)

    expect(page.locator("#step-plan")).to_be_disabled()
    unanswered[0].fulfill(status=204)
    expect(page.locator("#step-plan")).to_be_enabled()


def test_a_half_typed_search_survives_a_refresh(sign_in):
    page = sign_in("supervisor")
    page.goto("/quality/checks/")
    live(page)
    page.locator("#check-search").press_sequentially("WO-2")

    refreshed(page)

    expect(page.locator("#check-search")).to_have_value("WO-2")
    expect(page.locator("#check-search")).to_be_focused()


def test_a_half_typed_count_survives_a_refresh_and_never_moves_to_another_job(plant, sign_in):
    _job, _number, code = running_job(plant)
    page = sign_in("operator", width=800, height=1280)
    terminal_of(page, code)
    live(page)
    count = page.locator("#count-good")
    page.locator('.keypad [data-key="7"]').click()
    refreshed(page)
    expect(count).to_have_value("7")

    morph = """(other) => {
      const fresh = document.querySelector("#report").cloneNode(true);
      if (other) fresh.setAttribute("action", "/terminal/another/");
      for (const input of fresh.querySelectorAll("input")) input.value = input.defaultValue;
      Idiomorph.morph(document.querySelector("#report"), fresh.outerHTML);
    }"""
    page.evaluate(morph, False)
    expect(count).to_have_value("7")
    page.evaluate(morph, True)
    expect(count).to_have_value("")


def test_a_dialog_and_what_is_typed_in_it_survive_a_refresh(sign_in, told_order):
    _job, order = told_order
    page = sign_in("supervisor")
    page.goto(f"/orders/{order}/")
    live(page)
    page.locator("#step-hold").click()
    reason = page.locator("dialog[open] textarea")
    reason.fill("belt")

    refreshed(page)

    expect(reason).to_have_value("belt")
    expect(reason).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#step-hold")).to_be_focused()


def test_key_figures_refresh_while_the_page_is_open_and_leave_the_reader_alone(plant, sign_in):
    job, _number, _code = running_job(plant)
    page = sign_in("supervisor")
    page.goto("/kpi/?period=today")
    live(page)
    for part in ("#kpi-quality", "#oee-by-day-table", "#kpi-table"):
        page.locator(f"{part} > summary").click()
    page.locator("#pieces-by-day .u-over").hover()
    tip, table = page.locator("#pieces-by-day .chart-tip"), page.locator("#kpi-table td:nth-child(10)")
    made = page.locator("#kpi-quality .explained")
    expect(tip).to_be_visible()
    expect(page.locator("#kpi-scrap .losses, #kpi-scrap p")).to_be_visible()
    before, shown, when = made.inner_text(), tip.inner_text(), page.locator(".refreshed time")
    then = when.get_attribute("datetime")
    page.evaluate("window.canvases = [...document.querySelectorAll('canvas')]")

    counted(plant, job, times=3)
    plant.manage("refresh_kpis")

    expect(when).not_to_have_attribute("datetime", then, timeout=PATIENCE)
    expect(made).not_to_have_text(before, timeout=PATIENCE)
    expect(tip).not_to_have_text(shown)
    expect(tip).to_be_visible()
    for part in ("#kpi-quality", "#oee-by-day-table", "#kpi-table"):
        expect(page.locator(part)).to_have_attribute("open", "")
    assert table.count() > 0
    assert page.locator("#oee-by-day-table tbody tr").count() == 1
    assert page.evaluate("window.canvases.length > 0 && window.canvases.every((canvas) => canvas.isConnected)")
    assert page.locator('.chip[aria-current="true"]').inner_text() == "Today"
    assert page.url.endswith("/kpi/?period=today")
