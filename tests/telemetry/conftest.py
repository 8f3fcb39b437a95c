import pytest

from telemetry.services.sources import create_series, create_source, issue_key


@pytest.fixture
def machine(plant):
    return plant.machine


@pytest.fixture
def source(plant):
    return create_source(code="gateway-1", name="Gateway 1")


@pytest.fixture
def key(source):
    return issue_key(source_id=source.pk, label="Gateway in hall 1")[1]


@pytest.fixture
def temperature(machine, source):
    return create_series(
        equipment_id=machine.pk,
        source_id=source.pk,
        source_key="temp,m=M1 value",
        sensor_type="temperature",
        name="Temperature",
        unit="°C",
        minimum=-50,
        maximum=500,
    )
