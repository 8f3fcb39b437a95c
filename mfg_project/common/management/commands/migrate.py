from typing import Any

from django.conf import settings
from django.core.management.commands import migrate

from audit.database.roles import connected_as


class Command(migrate.Command):
    """Migrations run as the owner of the tables, which the application is not (DATABASE_OWNER_URL)."""

    def handle(self, *args: Any, **options: Any) -> None:
        with connected_as(settings.DATABASE_OWNER_URL):
            super().handle(*args, **options)
