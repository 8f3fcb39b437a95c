"""Many boards open: a signal makes all of them ask at once, and they share what is rendered."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.test import Client
from django.test.signals import template_rendered

from accounts.models import User
from audit.context import act_as
from equipment.services.line_states import set_line_state
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 10
PARTS = {"tile": "production/_board_tile.html", "grid": "production/_board_live.html"}


class Renders:
    """Counts how often a template is rendered, and holds the first rendering until the test lets it go on."""

    def __init__(self, template: str) -> None:
        self.template = template
        self.count = 0
        self.first_begun, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, *, template: object, **_kwargs: object) -> None:
        if getattr(template, "name", None) != self.template:
            return
        self.count += 1
        if self.count == 1:
            self.first_begun.set()
            assert self.may_go_on.wait(PATIENCE)


@contextmanager
def held(part: str) -> Iterator[Renders]:
    renders = Renders(PARTS[part])
    template_rendered.connect(renders)
    try:
        yield renders
    finally:
        renders.may_go_on.set()
        template_rendered.disconnect(renders)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(12) as pool:
        yield pool


@pytest.fixture
def client_of(user_of) -> Callable[..., Client]:
    """A browser of its own for each call, signed in with that role."""

    def sign_in(role: str, language: str = "en") -> Client:
        client = Client(headers={"Accept-Language": language})
        client.force_login(user_of(role))
        return client

    return sign_in


def url_of(part: str, line: object) -> str:
    return "/board/grid/" if part == "grid" else f"/board/lines/{line.pk}/"


def page(client: Client, url: str) -> str:
    """As a request in a thread of the server: with a connection of its own."""
    try:
        answer = client.get(url)
        assert answer.status_code == 200
        return answer.content.decode()
    finally:
        connection.close()


def waiting(pool: ThreadPoolExecutor, clients: list[Client], url: str) -> list[Future[str]]:
    """Who waits for another's rendering has given his connection back: that is how to know he waits."""
    held_by = []

    def ask(client: Client) -> str:
        connection.ensure_connection()
        held_by.append(connections[DEFAULT_DB_ALIAS])
        return page(client, url)

    answers = [pool.submit(ask, client) for client in clients]
    deadline = time.monotonic() + PATIENCE
    while len(held_by) < len(clients) or any(one.connection for one in held_by):
        assert time.monotonic() < deadline, "somebody does not wait"
        time.sleep(0.01)
    return answers


def turn(line: object, state: str, user: object) -> None:
    with act_as(user, source="test"):
        set_line_state(line_id=line.pk, state=state)


@pytest.mark.parametrize("part", PARTS)
def test_boards_that_ask_at_once_share_one_rendering_newer_than_their_question(part, plant, as_admin, pool, client_of):
    clients = [client_of("operator") for _n in range(6)]
    turn(plant.line, "running", as_admin)
    with held(part) as renders:
        first = pool.submit(page, clients[0], url_of(part, plant.line))
        assert renders.first_begun.wait(PATIENCE)
        turn(plant.line, "setup", as_admin)
        others = waiting(pool, clients[1:], url_of(part, plant.line))
        renders.may_go_on.set()
        seen = [answer.result(PATIENCE) for answer in others]

    assert 'data-state="running"' in first.result(PATIENCE)
    assert all('data-state="setup"' in text for text in seen)
    assert renders.count == 2


@pytest.mark.parametrize("part", PARTS)
def test_other_languages_rights_and_screens_do_not_share(part, plant, as_admin, pool, client_of):
    turn(plant.line, "stopped", as_admin)
    operator, japanese, auditor = client_of("operator"), client_of("operator", "ja"), client_of("auditor")
    url = url_of(part, plant.line)
    with held(part) as renders:
        english = pool.submit(page, operator, url)
        assert renders.first_begun.wait(PATIENCE)
        # None of these may wait for the English operator's, which does not go on
        others = [page(japanese, url), page(auditor, url), page(operator, f"{url}?wall=1")]
        renders.may_go_on.set()

    assert "Explain" in english.result(PATIENCE)
    assert "停止" in others[0]
    assert ["tile-explain" in text for text in others] == [True, False, False]


def test_rights_are_asked_of_each_person_before_anything_is_shared(plant, as_admin, pool, client_of):
    stranger = Client()
    with factories.arranging():
        nobody = User.objects.create_user("no-role", printed_name="No role")
    stranger.force_login(nobody)
    with held("tile") as renders:
        first = pool.submit(page, client_of("operator"), url_of("tile", plant.line))
        assert renders.first_begun.wait(PATIENCE)
        answer = stranger.get(url_of("tile", plant.line))
        renders.may_go_on.set()

    assert answer.status_code == 403
    assert "line-" in first.result(PATIENCE)
