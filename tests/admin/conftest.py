import pytest

from tests.admin.world import World, world


@pytest.fixture
def one(as_admin) -> World:
    return world()


@pytest.fixture
def as_superuser(client, as_admin):
    client.force_login(as_admin)
    return client


@pytest.fixture
def as_auditor(client, user_of):
    client.force_login(user_of("auditor"))
    return client
