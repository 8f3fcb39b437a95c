"""What a page shows of a signed record is on its print as well (21 CFR 11.50(b), 11.10(a))."""

import pytest

from tests.reports.pdfa import text_of

pytestmark = pytest.mark.browser
DIFFERS = "The content differs from what was signed."


def signed_order(plant) -> tuple[str, str]:
    """Key of a released order and who signed it."""
    return plant.rows(
        "SELECT w.id::text, s.signer_name FROM work_orders w JOIN audit_signature s ON s.record_pk = w.id::text "
        "WHERE w.status = 'released' ORDER BY w.work_order_number LIMIT 1"
    )[0]


def test_the_print_of_order_and_trail_shows_signatures_and_what_differs(plant, sign_in):
    key, signer = signed_order(plant)
    auditor = sign_in("auditor")
    pages = (f"/orders/{key}/", f"/audit/work_orders/{key}/")
    for path in pages:
        auditor.goto(path)
        printed = text_of(auditor.pdf())
        assert signer in printed
        assert "SHA-256" in printed
        assert DIFFERS not in printed
    planner = sign_in("planner")
    planner.goto(f"/orders/{key}/edit/")
    planner.locator('[name="special_instructions"]').fill("written after the signature")
    planner.locator('[name="reason"]').fill("Customer asked for it")
    planner.locator("main form button.button-primary").click()
    planner.wait_for_url(f"**/orders/{key}/")
    for path in pages:
        auditor.goto(path)
        printed = text_of(auditor.pdf())
        assert signer in printed
        assert DIFFERS in printed
        assert "written after the signature" in printed
