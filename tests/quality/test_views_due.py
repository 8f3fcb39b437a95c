"""The terminal's list of what is measured at a job."""

from decimal import Decimal

import pytest

from quality.services.checks import MeasuredValue, record_check
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(plant):
    return factories.first_job(factories.work_order(plant, status="in_progress"))


def due(client, job) -> str:
    answer = client.get(f"/quality/checks/due/?job={job.pk}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_names_what_belongs_to_the_operation_with_limits_and_how_often_it_was_measured(plant, job, signed_in):
    here = factories.characteristic(plant.product, "D1", operation_sequence=10, unit="mm")
    factories.characteristic(plant.product, "D2", operation_sequence=20)
    factories.characteristic(plant.product, "D3", operation_sequence=10, lower_limit=None, target=None)
    value = MeasuredValue(characteristic_id=here.pk, value=Decimal("10.00"))
    record_check(work_order_id=job.work_order_id, job_order_id=job.pk, test_type="dimensional", values=[value])

    page = due(signed_in("operator"), job)

    assert "9.9 – 10.1 mm" in page
    assert "≤ 10.1" in page
    assert "1 measured" in page
    assert "Diameter D2" not in page
    assert f"/quality/checks/new/?order={job.work_order_id}&amp;job={job.pk}" in page


def test_nothing_to_measure_shows_nothing(job, signed_in):
    assert due(signed_in("operator"), job).strip() == ""


def test_who_may_not_measure_sees_the_list_without_links(plant, job, signed_in):
    factories.characteristic(plant.product, "D1")

    page = due(signed_in("auditor"), job)

    assert "Diameter D1" in page
    assert "<a " not in page


@pytest.mark.parametrize("query", ["", "?job=nothing", "?job=00000000-0000-7000-8000-000000000000"])
def test_an_unknown_job_is_404(plant, signed_in, query):
    assert signed_in("operator").get(f"/quality/checks/due/{query}").status_code == 404
