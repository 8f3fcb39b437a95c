"""Who may do what: nobody without signing in, each role exactly what it is for."""

import datetime as dt

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

READABLE = (
    "products", "sites", "areas", "lines", "equipment", "reasons", "line-states", "work-orders", "work-orders/active",
    "production/work-orders", "job-orders", "quantity-reports", "characteristics", "quality-checks",
)  # fmt: skip
TOKEN, REFRESH = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/"
ROLES = (
    "operator", "supervisor", "inspector", "qa_manager", "maintenance", "planner", "auditor", "integration",
)  # fmt: skip


@pytest.mark.parametrize("address", [*READABLE, "kpi"])
def test_nobody_reads_or_writes_without_signing_in(anyone, address):
    for answer in (anyone.get(f"/api/v1/{address}/"), anyone.post(f"/api/v1/{address}/", {})):
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("role", ROLES)
def test_every_role_reads_the_floor(client_of, plant, role):
    client = client_of(role)

    assert {address: client.get(f"/api/v1/{address}/").status_code for address in READABLE} == dict.fromkeys(
        READABLE, 200
    )


def test_an_account_without_a_role_sees_nothing(plant):
    with factories.arranging():
        stranger = factories.User.objects.create_user("stranger", password=PASSWORD, printed_name="Stranger")
    client = APIClient()
    client.force_authenticate(stranger)

    for address in READABLE:
        answer = client.get(f"/api/v1/{address}/")
        assert answer.status_code == 403
        assert ".view_" in answer.json()["permission"]


# What each role may write; everything else is refused with the name of the missing permission.
WRITES = {
    "create_order": ("production.add_workorder", {"supervisor", "planner", "integration"}),
    "change_order": ("production.change_workorder", {"supervisor", "planner", "integration"}),
    "plan_order": ("production.plan_workorder", {"supervisor", "planner", "integration"}),
    "release_order": ("production.release_workorder", {"supervisor", "qa_manager"}),
    "hold_order": ("production.hold_workorder", {"supervisor", "qa_manager"}),
    "cancel_order": ("production.cancel_workorder", {"supervisor", "planner", "integration"}),
    "start_job": ("production.execute_joborder", {"operator", "supervisor", "integration"}),
    "count": ("production.report_quantity", {"operator", "supervisor", "integration"}),
    "set_state": ("equipment.set_line_state", {"operator", "supervisor", "maintenance", "integration"}),
    "create_product": ("inventory.add_material", {"planner", "integration"}),
    "change_product": ("inventory.change_material", {"planner", "integration"}),
    "record_check": (
        "quality.record_check",
        {"operator", "supervisor", "inspector", "qa_manager", "integration"},
    ),
    "read_kpi": (
        "production.view_kpi",
        {"supervisor", "inspector", "qa_manager", "maintenance", "planner", "auditor", "integration"},
    ),
    "read_signatures": ("audit.view_signature", {"supervisor", "qa_manager", "auditor"}),
}


def _attempt(client: APIClient, role: str, plant: factories.Plant, write: str, new_order: dict):
    api = "/api/v1"
    if write == "create_order":
        return client.post(f"{api}/work-orders/", new_order)
    if write in ("change_order", "plan_order", "read_signatures"):
        order = f"{api}/work-orders/{factories.work_order(plant).pk}/"
        if write == "change_order":
            return client.patch(order, {"priority": 1, "reason": "More urgent"})
        return client.post(f"{order}plan/") if write == "plan_order" else client.get(f"{order}signatures/")
    if write in ("release_order", "hold_order", "cancel_order"):
        order = f"{api}/work-orders/{factories.work_order(plant, status='planned').pk}/"
        signature = {"username": f"test-{role}", "password": PASSWORD, "meaning": "released"}
        step, body = write.removesuffix("_order"), signature if write == "release_order" else {"reason": "x"}
        return client.post(f"{order}{step}/", body)
    if write == "start_job":
        job = factories.first_job(factories.work_order(plant, status="released"))
        return client.post(f"{api}/job-orders/{job.pk}/start/")
    if write == "count":
        job = factories.first_job(factories.work_order(plant, status="in_progress"))
        return client.post(f"{api}/quantity-reports/", {"job_order_id": str(job.pk), "good": 1})
    if write == "set_state":
        return client.post(f"{api}/line-states/", {"line_id": str(plant.line.pk), "state": "idle"})
    if write == "create_product":
        return client.post(f"{api}/products/", {"product_code": "N", "product_name": "N", "product_type": "N"})
    if write == "change_product":
        return client.patch(f"{api}/products/{plant.product.pk}/", {"product_name": "N", "reason": "A new name"})
    if write == "read_kpi":
        return client.get(f"{api}/kpi/")
    order = factories.work_order(plant, status="in_progress")
    value = {"characteristic_id": str(factories.characteristic(plant.product).pk), "value": "10"}
    body = {"work_order_id": str(order.pk), "test_type": "t", "measurements": [value]}
    return client.post(f"{api}/quality-checks/", body)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("write", WRITES)
def test_each_role_may_do_exactly_what_it_is_for(client_of, plant, new_order, write, role):
    permission, allowed = WRITES[write]

    answer = _attempt(client_of(role), role, plant, write, new_order)

    if role in allowed:
        assert answer.status_code in (200, 201), answer.json()
    else:
        assert answer.status_code == 403
        assert answer.json()["permission"] == permission
        assert "You lack the permission" in answer.json()["detail"]


# --- Tokens ---------------------------------------------------------------------------------------------


def test_a_token_opens_the_api_and_is_renewed(anyone, user_of, plant):
    user = user_of("planner")
    pair = anyone.post(TOKEN, {"username": user.username, "password": PASSWORD}).json()
    bearer = {"Authorization": f"Bearer {pair['access']}"}

    listed = anyone.get("/api/v1/work-orders/", headers=bearer)
    made = anyone.post(
        "/api/v1/products/",
        {"product_code": "T", "product_name": "T", "product_type": "T"},
        headers=bearer,
    )
    renewed = anyone.post(REFRESH, {"refresh": pair["refresh"]}).json()

    assert listed.status_code == 200
    assert made.status_code == 201
    assert set(renewed) == {"access", "refresh"}
    assert renewed["refresh"] != pair["refresh"]
    lifetime = dt.datetime.fromtimestamp(AccessToken(renewed["access"])["exp"], dt.UTC) - timezone.now()
    assert dt.timedelta(minutes=14) < lifetime <= dt.timedelta(minutes=15)


@pytest.mark.parametrize(
    "body", [{"username": "test-planner", "password": "wrong"}, {"username": "x", "password": "y"}]
)
def test_a_wrong_password_gives_no_token(anyone, user_of, body):
    user_of("planner")

    answer = anyone.post(TOKEN, body)

    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("The user name or the password is wrong")


def test_an_inactive_account_is_out_at_once(anyone, user_of):
    user = user_of("planner")
    refresh = RefreshToken.for_user(user)
    user.is_active = False
    with factories.arranging():
        user.save()

    by_password = anyone.post(TOKEN, {"username": user.username, "password": PASSWORD})
    by_refresh = anyone.post(REFRESH, {"refresh": str(refresh)})
    by_access = anyone.get("/api/v1/lines/", headers={"Authorization": f"Bearer {refresh.access_token}"})

    assert [a.status_code for a in (by_password, by_refresh, by_access)] == [401] * 3


def test_a_changed_password_ends_the_tokens(anyone, user_of):
    user = user_of("planner")
    token = RefreshToken.for_user(user).access_token
    user.set_password("another-long-password")
    with factories.arranging():
        user.save()

    assert anyone.get("/api/v1/lines/", headers={"Authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "Bearer Bearer"])
def test_a_made_up_token_is_refused(anyone, token):
    answer = anyone.get("/api/v1/lines/", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert "Get a new one" in answer.json()["detail"]


def test_guessing_passwords_is_slowed_down(anyone, user_of):
    user_of("planner")
    answers = [anyone.post(TOKEN, {"username": "test-planner", "password": f"guess-{n}"}) for n in range(11)]

    assert [a.status_code for a in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 61
    assert answers[-1].json()["code"] == "throttled"


def test_another_address_cannot_be_claimed_to_guess_on(anyone):
    answers = [
        anyone.post(TOKEN, {"username": "x", "password": "y"}, headers={"X-Forwarded-For": f"10.0.0.{n}"})
        for n in range(11)
    ]

    assert answers[-1].status_code == 429


def test_a_session_works_and_needs_the_csrf_token(user_of, plant):
    user = user_of("planner")
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)

    read = client.get("/api/v1/lines/")
    write = client.post("/api/v1/products/", {"product_code": "S", "product_name": "S", "product_type": "S"})

    assert read.status_code == 200
    assert write.status_code == 403
    assert "CSRF" in write.json()["detail"]
