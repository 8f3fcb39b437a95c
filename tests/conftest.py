"""Shared fixtures: a small plant, a user per role, and helpers to act as one of them."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.test import Client, TransactionTestCase
from django.utils import timezone, translation

from accounts.models import User
from audit.context import act_as
from mfg_project.common import plant as known_plant
from tests import factories, traceability
from tests.database import database

PASSWORD = "a-long-test-password"


def pytest_addoption(parser: pytest.Parser) -> None:
    traceability.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    traceability.register(config)
    # Hashing and transport are not what these tests are about; live tests use the real ones.
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django_settings.SIGNATURE_SEAL_WAIT = 0  # no sealer runs beside the tests
    django_settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


LONGEST_FIRST = ("live", "browser", "deploy")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For workers: what starts whole plants takes minutes a file, and begun last it would run alone at the end.

    Then the files with most tests. xdist would look at their number only, hence `--no-loadscope-reorder`.
    """
    if hasattr(config, "workerinput"):
        rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
        tests = Counter(item.path for item in items)
        items.sort(key=lambda item: (rank.get(item.path.parent.name, len(rank)), -tests[item.path]))


@pytest.fixture(scope="session")
def django_db_setup(request, django_test_environment, django_db_blocker):
    reuse = request.config.getvalue("reuse_db") and not request.config.getvalue("create_db")
    with django_db_blocker.unblock():
        database.create(reuse=reuse)
        database.connect_as("app")
    yield
    if not request.config.getvalue("reuse_db"):
        with django_db_blocker.unblock():
            database.drop()


@pytest.fixture(scope="session", autouse=True)
def _commits_are_taken_back():
    """Django would TRUNCATE; here nobody may."""
    TransactionTestCase._fixture_teardown = lambda _case: database.restore()


@pytest.fixture(autouse=True)
def _no_plant_remembered(monkeypatch):
    """The process remembers the plant across requests; a test's rollback takes the row away.

    Within a test it is never read anew by the clock: a slow machine would count one query more.
    """
    known_plant.forget()
    monkeypatch.setattr(known_plant, "REMEMBERED_SECONDS", 1e9)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A request leaves its language active in the thread; the next test must not inherit it."""
    with translation.override("en"):
        yield


@pytest.fixture
def user_of(db):
    """`user_of("operator")` is a user with that role and PASSWORD."""

    def make(role: str) -> User:
        return factories.user(role, password=PASSWORD)

    return make


@pytest.fixture
def as_role(user_of):
    """`with as_role("operator") as user:` everything inside is that user's doing."""
    from contextlib import contextmanager

    @contextmanager
    def acting(role: str) -> Iterator[User]:
        user = user_of(role)
        with act_as(user, source="test"):
            yield user

    return acting


@pytest.fixture
def as_admin(db):
    """Acts as a superuser for the whole test: for arranging, and for rules that are not about permission."""
    user = factories.superuser(password=PASSWORD)
    with act_as(user, source="test"):
        yield user


@pytest.fixture
def signed_in(client, user_of):
    """`signed_in("planner")` is a test client with that role's session."""

    def sign_in(role: str) -> Client:
        client.force_login(user_of(role))
        return client

    return sign_in


@pytest.fixture
def plant(as_admin) -> factories.Plant:
    return factories.plant()


@pytest.fixture
def now() -> dt.datetime:
    return timezone.now()
