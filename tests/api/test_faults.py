"""Broken requests, conflicts and faults: each a clear problem, none an internal message, nothing half done."""

import json
import threading

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError, IntegrityError, OperationalError, connection
from django.test import AsyncClient, Client, RequestFactory
from django.urls import include, path
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework.test import APIClient

from audit.context import act_as
from mfg_project import urls
from mfg_project.common import plant
from mfg_project.common.problems import fault_of
from production.models import WorkOrder
from tests import factories

URL = "/api/v1/work-orders/"
JSON = "application/json"
PROBLEM = "application/problem+json"


# --- Bodies ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ("{", 400, "line 1, column 2"),
        ('{"a": NaN}', 400, "not valid JSON"),
        (b"\xff\xfe\xfa", 400, "not valid JSON"),
        ("[" * 100_000, 400, "nested too deeply"),
        ('{"planned_quantity": ' + "9" * 5000 + "}", 400, "not valid JSON"),
        ("[]", 400, "JSON object"),
        ("7", 400, "JSON object"),
        ("null", 400, "JSON object"),
        ('{"work_order_number": "\\ud800"}', 400, "Surrogate characters"),
        ("", 400, "required"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(planner, plant, body, status, word):
    answer = planner.post(URL, body, content_type=JSON)

    assert answer.status_code == status
    assert answer["Content-Type"] == PROBLEM
    assert word in answer.json()["detail"]


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", [JSON, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_ten_megabytes_is_refused(planner, plant, content_type):
    body = json.dumps({"special_instructions": "x" * 10 * 1024 * 1024})

    answer = planner.post(URL, body, content_type=content_type)

    assert answer.status_code == (413 if content_type == JSON else 415)
    assert answer["Content-Type"] == PROBLEM
    if content_type == JSON:
        assert answer.json()["detail"] == "The body is larger than 2 MB."


@pytest.mark.django_db
def test_other_media_types_and_formats_are_named(planner):
    assert planner.post(URL, "a=1", content_type="text/csv").json()["code"] == "unsupported_media_type"
    assert planner.get(URL, headers={"Accept": "text/csv"}).json()["code"] == "not_acceptable"


# --- Addresses ------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/", "/api/v1/nothing/", "/api/v2/work-orders/", "/api/v1/work-orders/a/b/"])
def test_an_unknown_address_of_the_api_is_a_problem_document(anyone, address):
    answer = anyone.get(address)

    assert answer.status_code == 404
    assert answer["Content-Type"] == PROBLEM
    assert answer.json()["instance"] == address


@pytest.mark.django_db
def test_an_unknown_page_is_a_page():
    answer = Client().get("/no-such-page/")

    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_a_foreign_host_name_is_refused():
    answer = Client(raise_request_exception=False).get("/api/v1/lines/", headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request"


# --- Races ----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_writers_racing_for_a_number_one_wins_and_one_gets_a_conflict():
    admin = factories.superuser()
    with act_as(admin, source="test"):
        plant = factories.plant()
    planner = factories.user("planner")
    body = {
        "work_order_number": "WO-RACE",
        "product_id": str(plant.product.pk),
        "planned_quantity": "10",
        "scheduled_start": "2026-01-31T08:00:00+09:00",
        "scheduled_end": "2026-01-31T16:00:00+09:00",
    }

    answers = _at_once(planner, lambda client: client.post(URL, body), times=4)

    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409]
    assert {a.json().get("code") for a in answers if a.status_code == 409} == {"integrity_error"}
    assert WorkOrder.objects.filter(work_order_number="WO-RACE").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_writers_with_one_version_one_wins_and_one_is_stale():
    admin = factories.superuser()
    with act_as(admin, source="test"):
        order = factories.work_order(factories.plant())
    planner = factories.user("planner")
    priorities = iter([1, 2, 3, 4])

    answers = _at_once(
        planner,
        lambda client: client.patch(
            f"{URL}{order.pk}/", {"priority": next(priorities), "reason": "More urgent"}, headers={"If-Match": '"1"'}
        ),
        times=4,
    )

    assert sorted(a.status_code for a in answers) == [200, 412, 412, 412]
    order.refresh_from_db()
    assert order.version == 2


def _at_once(user, act, *, times):
    answers, barrier = [], threading.Barrier(times)

    def run() -> None:
        client = APIClient()
        client.force_authenticate(user)
        barrier.wait()
        try:
            answers.append(act(client))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


# --- Faults ---------------------------------------------------------------------------------------------


def _wrapped(django_error: type[DatabaseError], cause: psycopg.Error) -> DatabaseError:
    error = django_error("internal words")
    error.__cause__ = cause
    return error


FAULTS = [
    (ValueError("internal words"), 500, "manufacturing_error"),
    (DatabaseError("internal words"), 500, "database_error"),
    (OperationalError("internal words"), 503, "unavailable"),
    (_wrapped(OperationalError, psycopg.errors.DeadlockDetected()), 503, "busy"),
    (RedisConnectionError("internal words"), 503, "unavailable"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("error", "status", "code"), FAULTS)
def test_a_fault_says_that_it_happened_and_nothing_else(user_of, monkeypatch, error, status, code):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr("equipment.api.views.LineViewSet.list", fail)
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(user_of("planner"))

    answer = client.get("/api/v1/lines/")

    problem = answer.json()
    assert answer.status_code == status
    assert answer["Content-Type"] == PROBLEM
    assert problem["code"] == code
    assert "internal words" not in answer.content.decode()
    assert problem["request_id"] == answer["X-Request-ID"]
    assert problem["timestamp"]
    assert (answer.get("Retry-After") is not None) is (status == 503)


@pytest.mark.django_db
def test_a_constraint_nobody_foresaw_is_a_conflict(planner, monkeypatch):
    def fail(*_args, **_kwargs):
        raise IntegrityError("internal words")

    monkeypatch.setattr("equipment.api.views.LineViewSet.list", fail)

    answer = planner.get("/api/v1/lines/")

    assert answer.status_code == 409
    assert answer.json()["detail"] == "The operation could not be completed because a constraint is violated."


@pytest.mark.parametrize(("error", "status"), [(OperationalError("x"), 503), (ValueError("x"), 500)])
def test_a_page_says_what_is_down_without_asking_the_database(settings, error, status):
    """No `django_db` mark: any query would fail this test. The plant is known, as in any process that worked before."""
    plant.remember(plant.Plant(name="Test plant", time_zone="Asia/Tokyo"))

    def fail(_request):
        raise error

    settings.ROOT_URLCONF = type("Urls", (), _urls_with(fail))

    answer = Client(raise_request_exception=False).get("/broken/")

    assert answer.status_code == status
    assert answer["Content-Type"].startswith("text/html")
    assert (b"database" in answer.content) is (status == 503)


def _urls_with(view):
    names = ("handler400", "handler403", "handler404", "handler500")
    return {"urlpatterns": [path("broken/", view), path("api/v1/broken/", view), path("", include(urls))]} | {
        name: staticmethod(getattr(urls, name)) for name in names
    }


def test_under_asgi_the_fault_is_seen_as_well(settings):
    def fail(_request):
        raise OperationalError("internal words")

    settings.ROOT_URLCONF = type("Urls", (), _urls_with(fail))

    answer = async_to_sync(AsyncClient(raise_request_exception=False).get)("/api/v1/broken/")

    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"


def test_a_fault_without_an_exception_at_hand_is_still_described():
    assert fault_of(None, RequestFactory().get("/api/")).status == 500


# --- Health ---------------------------------------------------------------------------------------------


def test_the_process_is_alive_without_any_service():
    assert Client().get("/health").json() == {"status": "ok"}


@pytest.mark.django_db
@pytest.mark.parametrize("service", ["database", "redis"])
def test_a_service_that_answers_is_healthy(service):
    answer = Client().get(f"/health/{service}")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["latency_ms"] > 0
    assert "no-store" in answer["Cache-Control"]


def test_a_redis_that_is_gone_is_reported_without_details(settings):
    settings.REDIS_URL = "redis://:secret@127.0.0.1:1/0"

    answer = Client().get("/health/redis/")

    assert answer.status_code == 503
    assert answer.json() == {"service": "redis", "status": "down"}


@pytest.mark.django_db
def test_a_database_that_is_gone_is_reported_without_details(monkeypatch):
    gone = {**connection.get_connection_params(), "port": 1}
    monkeypatch.setattr(connection, "get_connection_params", lambda: gone)

    answer = Client().get("/health/database")

    assert answer.status_code == 503
    assert answer.json() == {"service": "database", "status": "down"}
