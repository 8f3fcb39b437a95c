"""Every migration of ours goes down and up again on a real database."""

import pytest
from django.core.management import call_command
from django.db import connection

from tests.database import database

OURS = ["quality", "production", "inventory", "equipment", "accounts", "audit"]


@pytest.mark.django_db(transaction=True)
def test_migrations_go_down_and_up_again(django_db_blocker):
    with database.as_role("owner"):
        for app in ("quality", "production"):
            call_command("migrate", app, "zero", verbosity=0)
        assert "work_orders" not in connection.introspection.table_names()

        call_command("migrate", verbosity=0)

    tables = connection.introspection.table_names(include_views=True)
    assert {"work_orders", "mv_production_kpi_daily", "quality_checks"} <= set(tables)


@pytest.mark.django_db
def test_no_model_change_is_without_its_migration():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
