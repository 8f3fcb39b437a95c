"""Which database role this process is, and becoming another one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from urllib.parse import unquote, urlsplit

from django.db import connections

from audit.database.base import DatabaseWrapper

MAY_TOO_MUCH = """
    SELECT r.rolsuper, r.rolcreaterole, r.rolbypassrls, r.rolreplication, current_user,
        count(*) FILTER (WHERE pg_has_role(current_user, c.relowner, 'MEMBER')),
        count(*) FILTER (WHERE c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'TRUNCATE')),
        EXISTS (SELECT FROM pg_roles m WHERE pg_has_role(current_user, m.oid, 'MEMBER')
            AND has_parameter_privilege(m.oid, 'session_replication_role', 'SET'))
    FROM pg_roles r LEFT JOIN pg_class c
        ON c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    WHERE r.rolname = current_user GROUP BY 1, 2, 3, 4
"""


def connect_as(url: str) -> None:
    """From now on the connections of this process sign in with this address."""
    parts = urlsplit(url)
    database = _connection()
    database.close()
    database.close_pool()
    asked = {
        "NAME": parts.path.strip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
    }
    for settings in (connections.settings["default"], database.settings_dict):
        settings.update(asked)


def _connection() -> DatabaseWrapper:
    return cast(DatabaseWrapper, connections["default"])


@contextmanager
def connected_as(url: str) -> Iterator[None]:
    """Another role for a while; "" changes nothing."""
    if not url:
        yield
        return
    names = ("NAME", "USER", "PASSWORD", "HOST", "PORT")
    database = _connection()
    before = {name: database.settings_dict[name] for name in names}
    connect_as(url)
    try:
        yield
    finally:
        database.close()
        database.close_pool()
        for settings in (connections.settings["default"], database.settings_dict):
            settings.update(before)


def excess_of_rights() -> list[str]:
    """What the connected role may and the application must not; English, for the administrator's terminal."""
    with connections["default"].cursor() as cursor:
        cursor.execute(MAY_TOO_MUCH)
        superuser, createrole, bypassrls, replication, name, owned, truncatable, mutes = cursor.fetchone()
    found = {
        "is a superuser": superuser,
        "may create roles": createrole,
        "bypasses row security": bypassrls,
        "may replicate": replication,
        f"owns {owned} tables or views": owned,
        f"may TRUNCATE {truncatable} tables": truncatable,
        "may set session_replication_role, which switches triggers off": mutes,
    }
    return [f"the role {name} {what}" for what, present in found.items() if present]
