"""Saying what a name of a device stands for, as a person does it."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_name_is_mapped_and_its_curve_is_there(sign_in, axe):
    page = sign_in("maintenance")
    page.goto("/telemetry/held-back/")
    page.get_by_role("button", name="Map").first.click()
    dialog = page.locator("#modal")
    expect(dialog.get_by_role("heading")).to_have_text("What does this name stand for?")
    assert axe(page) == []

    dialog.get_by_label("Machine").select_option(index=1)
    dialog.get_by_label("Sensor type").fill("vibration")
    dialog.get_by_label("Name", exact=True).fill("Vibration")
    dialog.get_by_label("Lowest possible value").fill("9")
    dialog.get_by_label("Highest possible value").fill("1")
    dialog.get_by_role("button", name="Take in").click()
    expect(dialog).to_contain_text("The lowest possible value lies below the highest.")
    dialog.get_by_label("Lowest possible value").fill("0")
    dialog.get_by_role("button", name="Take in").click()

    expect(page.locator("#toasts")).to_contain_text("Vibration: 1 readings taken in.")
    expect(page.locator("#held-back")).to_contain_text("Nothing is held back")
    page.goto("/telemetry/?q=vibration")
    page.get_by_role("link", name="Vibration").click()
    expect(page.locator("#curve canvas")).to_be_visible()
