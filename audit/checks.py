"""What `manage.py check --database default` says of the database role the application signs in as."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from audit.database.roles import excess_of_rights

HINT = "Make the roles with `python -m deploy.roles` and set DATABASE_URL to the application's (docs/administrator.md)."


def database_role(*, databases: Any = None, **_kwargs: Any) -> list[checks.CheckMessage]:
    """An application that owns its tables could switch its audit trail off: refused in production."""
    if not databases:
        return []
    try:
        excess = excess_of_rights()
    except DatabaseError as unreachable:
        return [checks.Warning(f"The database role was not checked: {unreachable}", id="audit.W001")]
    kind = checks.Error if settings.PRODUCTION else checks.Warning
    return [kind(f"{what[0].upper()}{what[1:]}.", hint=HINT, id="audit.E001") for what in excess]


class RoleGuard:
    """Asks once per process, with its first connection; in production a role that may too much gets no further."""

    checked = False

    def __call__(self, **_kwargs: Any) -> None:
        if self.checked:
            return
        self.checked = True
        excess = excess_of_rights()
        if excess:
            self.checked = False
            raise ImproperlyConfigured("Refusing to work in production mode: " + "; ".join(excess) + ". " + HINT)
