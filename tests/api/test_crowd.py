"""More people at once than the process has database connections: busy is said, not down, and the other way round."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections
from django.test import Client

from mfg_project.common import outage
from mfg_project.common import plant as known_plant

PAGE, API = "/accounts/login/", "/api/v1/lines/"


@contextmanager
def pool_of(size: int, **elsewhere: object) -> Iterator[None]:
    """The pool that production has, as small as wanted; the tests' own settings have none."""
    settings = connection.settings_dict
    before, options = dict(settings), settings["OPTIONS"]
    connections.close_all()
    settings |= {"OPTIONS": options | {"pool": {"min_size": 1, "max_size": size, "timeout": 0.4}}, **elsewhere}
    try:
        yield
    finally:
        connections.close_all()
        connection.close_pool()
        settings |= before


@contextmanager
def one_connection_at_work() -> Iterator[None]:
    """Somebody else's request, that takes its time."""
    taken, done = threading.Event(), threading.Event()

    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            taken.set()
            done.wait(30)
        connection.close()

    other = threading.Thread(target=work)
    other.start()
    assert taken.wait(10)
    try:
        yield
    finally:
        done.set()
        other.join()


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    """What an earlier test learned of the database is two seconds old at most, and wrong here."""
    monkeypatch.setattr(outage, "_database", outage._Database())
    known_plant.remember(known_plant.Plant(name="Test plant", time_zone="Asia/Tokyo"))


def ask(address: str):
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "a" * 32  # whoever comes with a session makes the server look it up
    return client.get(address)


@pytest.mark.django_db(transaction=True)
def test_a_full_pool_is_busy_and_the_next_request_is_served():
    with pool_of(1):
        with one_connection_at_work():
            page, api, health = ask("/"), ask(API), ask("/health/database")

        assert [page.status_code, api.status_code, health.status_code] == [503, 503, 200]
        assert api.json()["code"] == "busy"
        assert "Many people are working at once" in api.json()["detail"]
        assert "Many people are working at once" in page.content.decode()
        assert "Not reachable" not in page.content.decode() + api.content.decode()
        assert page["Retry-After"] == api["Retry-After"] == "10"

        assert ask(API).status_code == 401
        assert ask(PAGE).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_pool_that_cannot_connect_is_an_outage():
    with pool_of(1, HOST="127.0.0.1", PORT=1):
        page, api, health = ask("/"), ask(API), ask("/health/database")

    assert [page.status_code, api.status_code, health.status_code] == [503, 503, 503]
    assert api.json()["code"] == "unavailable"
    assert "Not reachable: database" in api.json()["detail"]
    assert "Not reachable: database" in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_many_waiting_in_vain_ask_the_database_once(monkeypatch):
    asked = []
    ask_database = outage.ask_database
    monkeypatch.setattr(outage, "ask_database", lambda: asked.append(ask_database()))
    database = outage._Database()
    answers: list[bool] = []

    askers = [threading.Thread(target=lambda: answers.append(database.answers())) for _ in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()

    assert answers == [True] * 20
    assert len(asked) == 1
