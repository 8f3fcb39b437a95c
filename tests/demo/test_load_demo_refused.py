import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.services.users import person
from equipment.models import ProductionLine
from mfg_project.demo import load
from mfg_project.demo.people import NotADemo
from production.models import WorkOrder

pytestmark = pytest.mark.django_db


def test_it_refuses_a_real_plant(db, settings):
    settings.PRODUCTION = True

    with pytest.raises(CommandError, match="demo"):
        call_command("load_demo")
    with pytest.raises(NotADemo):
        load.load_demo(seed=1)

    assert not User.objects.filter(username="supervisor").exists()


def test_what_cannot_be_loaded_whole_is_not_loaded_at_all(db, monkeypatch):
    monkeypatch.setattr(load, "DAYS_BACK", 1)
    person("supervisor", printed_name="Somebody", role="supervisor", password="another password")

    with pytest.raises(CommandError, match="another password"):
        call_command("load_demo")

    assert not ProductionLine.objects.exists()
    assert not WorkOrder.objects.exists()


def test_the_account_of_a_program_is_no_person(db):
    erp = person("integration", printed_name="ERP interface", role="integration", password="a-long-test-password")

    assert not erp.is_person  # so its counts and states are recorded as the machine's
