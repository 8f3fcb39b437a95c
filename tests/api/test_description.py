"""The OpenAPI document is valid and complete, and its page runs under the strict content security policy."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

BROWSER = shutil.which("chromium") or ""


def test_the_description_is_valid_and_draws_no_warning(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))

    assert (tmp_path / "schema.yml").read_text().startswith("openapi: 3.1.0")


@pytest.mark.django_db
def test_the_description_covers_every_endpoint(anyone):
    schema = anyone.get(reverse("api-schema"), headers={"Accept": "application/vnd.oai.openapi+json"}).json()

    order = schema["paths"]["/api/v1/work-orders/"]["get"]
    limit = next(p for p in order["parameters"] if p["name"] == "limit")
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"], limit["schema"]["default"]) == (1, 1000, 100)
    assert {p["name"] for p in order["parameters"]} >= {"status", "status_filter", "line_id", "start_date", "end_date"}
    assert order["responses"]["4XX"]["content"]["application/problem+json"]
    assert not any("/production/" in path for path in schema["paths"])
    for path in (
        "products",
        "lines",
        "equipment",
        "work-orders",
        "job-orders",
        "quantity-reports",
        "line-states",
        "kpi",
    ):
        assert f"/api/v1/{path}/" in schema["paths"]


@pytest.mark.django_db
def test_the_description_says_when_a_change_needs_a_reason(anyone):
    schema = anyone.get(reverse("api-schema"), headers={"Accept": "application/vnd.oai.openapi+json"}).json()

    described = {
        (path, method): _body(schema, operation)["properties"].get("reason", {}).get("description")
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if method in ("patch", "put")
    }
    assert set(described.values()) == {"Why; required when a field changes."}
    assert {method for _path, method in described} == {"patch", "put"}
    assert "reason_required" in schema["components"]["schemas"]["Problem"]["properties"]["code"]["description"]


def _body(schema: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return schema["components"]["schemas"][name]


@pytest.mark.django_db
def test_the_root_of_the_api_leads_to_its_description(anyone):
    assert anyone.get("/api/v1/")["Location"] == "/api/v1/docs/"


@pytest.mark.browser
@pytest.mark.skipif(not BROWSER and os.environ.get("CI") != "true", reason="needs chromium")
@pytest.mark.django_db(transaction=True)
def test_the_page_shows_the_api_without_breaking_the_policy(live_server):
    # In a thread of its own: Playwright's event loop would forbid this one the database.
    with ThreadPoolExecutor(1) as pool:
        shown = pool.submit(_open, f"{live_server.url}/api/v1/docs/").result()

    assert shown["complaints"] == []
    assert "Genba API" in shown["text"]
    assert "/api/v1/work-orders/" in shown["text"]


def _open(address: str) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.wait_for_selector(".opblock", timeout=30_000)
        page.click("#operations-work-orders-work_orders_create")
        page.wait_for_selector(".opblock-body", timeout=30_000)
        text = page.inner_text("body")
        browser.close()
    return {"text": text, "complaints": complaints}
