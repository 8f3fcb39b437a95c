"""A client per role, on the small plant. Throttle counters are emptied so that tests do not count each other."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from tests import factories


@pytest.fixture(autouse=True)
def _fresh_throttles():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def client_of(user_of) -> Callable[..., APIClient]:
    """`client_of("planner")` is signed in as that role."""

    def make(role: str, **headers: Any) -> APIClient:
        client = APIClient(headers=headers)
        client.force_authenticate(user_of(role))
        return client

    return make


@pytest.fixture
def anyone() -> APIClient:
    return APIClient(raise_request_exception=False)


@pytest.fixture
def planner(client_of) -> APIClient:
    return client_of("planner")


@pytest.fixture
def supervisor(client_of) -> APIClient:
    return client_of("supervisor")


@pytest.fixture
def operator(client_of) -> APIClient:
    return client_of("operator")


@pytest.fixture
def new_order(plant: factories.Plant) -> dict[str, Any]:
    """A body that creates an order."""
    return {
        "work_order_number": "WO-API-1",
        "product_id": str(plant.product.pk),
        "production_line_id": str(plant.line.pk),
        "planned_quantity": "10",
        "scheduled_start": "2026-01-31T08:00:00+09:00",
        "scheduled_end": "2026-01-31T16:00:00+09:00",
    }
