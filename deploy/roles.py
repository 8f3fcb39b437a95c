"""The database roles of a plant, and its database: who may do what is decided here, once.

    python -m deploy.roles --admin postgresql://postgres@127.0.0.1/postgres --database genba [--print]

| role             | used by                         | may                                                         |
| ---------------- | ------------------------------- | ----------------------------------------------------------- |
| <plant>_owner    | migrations only                 | owns tables, views, functions                               |
| <plant>_app      | web, workers, commands          | read and write rows; owns nothing, cannot touch the journal |
| <plant>_journal  | nobody signs in as it           | owns the journal and the functions that write it            |
| <plant>_sealer   | the sealing task                | read the journal, add seals                                 |
| <plant>_auditor  | auditors, reports               | read                                                        |

Safe to run again. Prints the connection addresses; passwords are new unless given, so keep what it prints.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.sql import Identifier, Literal

SIGNING_IN = ("owner", "app", "sealer", "auditor")
NAMES = (*SIGNING_IN, "journal")
ROLES_LOCK = 4_812_016
APP_MAY_IDLE = "60s"  # in a transaction: as long as one is open, nothing written after it began is sealed
SCHEMA_GUARD = Path(__file__).parent.parent / "audit" / "sql" / "schema_guard.sql"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--admin", required=True, help="address with the rights to create roles and databases")
    parser.add_argument("--database", default="genba")
    parser.add_argument("--plant", default="genba", help="first part of the roles' names")
    parser.add_argument("--print", action="store_true", help="print the statements and run nothing")
    parser.add_argument("--for-restore", action="store_true", help="leave the schema guard out: a dump comes next")
    options = parser.parse_args()
    passwords = {name: secrets.token_urlsafe(24) for name in SIGNING_IN}
    if options.print:
        with psycopg.connect(options.admin) as connection:
            for statement in (*cluster_statements(options.plant, passwords), *database_statements(options.plant)):
                print(statement.as_string(connection) + ";")
        print(SCHEMA_GUARD.read_text(encoding="utf-8"))
        return
    urls = prepare(
        options.admin, options.database, plant=options.plant, passwords=passwords, for_restore=options.for_restore
    )
    for name, variable in (
        ("app", "DATABASE_URL"),
        ("owner", "DATABASE_OWNER_URL"),
        ("sealer", "DATABASE_SEALER_URL"),
    ):
        print(f"{variable}={urls[name]}")
    print(f"# for auditors: {urls['auditor']}")


def prepare(
    admin: str, database: str, *, plant: str, passwords: Mapping[str, str], for_restore: bool = False
) -> dict[str, str]:
    """Create what is missing and return the address of each role that signs in, by its short name.

    `for_restore`: what pg_restore builds is no change of the plant's structure. Run again after it, for the guard.
    """
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [ROLES_LOCK])  # roles belong to the whole cluster
        for statement in cluster_statements(plant, passwords):
            _run(connection, statement)
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        text = (
            "ALTER DATABASE {} OWNER TO {}"
            if found
            else "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'"
        )
        connection.execute(sql.SQL(text).format(Identifier(database), Identifier(f"{plant}_owner")))
    with psycopg.connect(address(admin, database=database), autocommit=True) as connection:
        for statement in database_statements(plant):
            connection.execute(statement)
        if not for_restore:
            guard_schema(connection)
    return {
        name: address(admin, database=database, user=f"{plant}_{name}", password=passwords[name]) for name in SIGNING_IN
    }


def guard_schema(connection: psycopg.Connection) -> None:
    """Note changes of the structure in the journal. Only a superuser can have that done; a verification says if not."""
    try:
        with connection.transaction():
            connection.execute(SCHEMA_GUARD.read_bytes())
    except psycopg.errors.InsufficientPrivilege as refused:
        print(f"# Changes of the schema will not be in the journal: {refused}", file=sys.stderr)


def cluster_statements(plant: str, passwords: Mapping[str, str]) -> Iterator[sql.Composed]:
    for name in NAMES:
        yield sql.SQL("CREATE ROLE {} NOINHERIT").format(Identifier(f"{plant}_{name}"))
    for name in SIGNING_IN:
        yield sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(Identifier(f"{plant}_{name}"), Literal(passwords[name]))
    # Whoever waits for somebody else (a migration, the restore of a dump) may wait: this is for the application alone.
    yield sql.SQL("ALTER ROLE {} SET idle_in_transaction_session_timeout = {}").format(
        Identifier(f"{plant}_app"), Literal(APP_MAY_IDLE)
    )
    # Migrations build the journal as its owner; they have to ask for it by name (NOINHERIT).
    yield sql.SQL("GRANT {} TO {}").format(Identifier(f"{plant}_journal"), Identifier(f"{plant}_owner"))


def database_statements(plant: str) -> Iterator[sql.Composed]:
    """Rights inside the database; tables that migrations make later get theirs by the default privileges."""
    names = {name: Identifier(f"{plant}_{name}") for name in NAMES}
    for text in (
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "ALTER SCHEMA public OWNER TO {owner}",
        "GRANT USAGE ON SCHEMA public TO {app}, {sealer}, {auditor}",
        "GRANT USAGE, CREATE ON SCHEMA public TO {journal}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT EXECUTE ON FUNCTIONS TO {app}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE, SELECT ON SEQUENCES TO {app}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO {auditor}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {journal} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    ):
        yield sql.SQL(text).format(**names)  # the texts above, and nobody's input


def address(url: str, *, database: str = "", user: str = "", password: str = "") -> str:
    """`url` with another database, or another role."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{user}:{password}@{host}" if user else parts.netloc
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}" if database else parts.path))


def _run(connection: psycopg.Connection, statement: sql.Composed) -> None:
    try:
        connection.execute(statement)
    except psycopg.errors.DuplicateObject:  # there is no CREATE ROLE IF NOT EXISTS
        return


if __name__ == "__main__":
    main()
