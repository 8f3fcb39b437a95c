"""The test database, made as an administrator makes a plant's: split roles, migrated by the owner, used as the app.

A test inside a transaction is rolled back. One that commits gets the database back from a copy: nothing of the
guards (append-only, no TRUNCATE) has to give way to the tests.
"""

import os
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg.sql import SQL, Identifier

from audit.database.roles import connect_as
from deploy import roles

PLANT = "genbatest"
PASSWORDS = dict.fromkeys(roles.SIGNING_IN, "test")


class TestDatabase:
    __test__ = False

    def __init__(self) -> None:
        self.admin = os.environ["DATABASE_URL"]
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        self.name = "_".join(filter(None, ["test", urlsplit(self.admin).path.strip("/"), worker]))
        self.urls: dict[str, str] = {}
        self.role = "app"

    def create(self, *, reuse: bool = False) -> None:
        """With `reuse` from the copy that an earlier run left: quick, and out of date after another migration."""
        is_there = reuse and self._is_there(f"{self.name}_copy")
        if not is_there:
            self.drop()
        self.urls = roles.prepare(
            roles.address(self.admin, database="postgres"), self.name, plant=PLANT, passwords=PASSWORDS
        )
        if is_there:
            self.restore()
            return
        with self.as_role("owner"):
            call_command("migrate", verbosity=0, interactive=False)
        self._admin("CREATE DATABASE {copy} TEMPLATE {name}")

    def _is_there(self, name: str) -> bool:
        with psycopg.connect(roles.address(self.admin, database="postgres")) as connection:
            return bool(connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount)

    def restore(self) -> None:
        connections.close_all()
        self._admin("DROP DATABASE {name} WITH (FORCE)", "CREATE DATABASE {name} TEMPLATE {copy} OWNER {owner}")

    def drop(self) -> None:
        connections.close_all()
        self._admin("DROP DATABASE IF EXISTS {name} WITH (FORCE)", "DROP DATABASE IF EXISTS {copy} WITH (FORCE)")

    def connect_as(self, role: str) -> None:
        """From now on Django's connections sign in as this role."""
        connections.close_all()
        self.role = role
        connect_as(self.urls[role])

    @contextmanager
    def as_role(self, role: str):
        before = self.role
        self.connect_as(role)
        try:
            yield
        finally:
            self.connect_as(before)

    def psycopg(self, role: str) -> psycopg.Connection:
        """A connection of its own; "admin" is the cluster's administrator, whom no database can stop."""
        url = roles.address(self.admin, database=self.name) if role == "admin" else self.urls[role]
        return psycopg.connect(url)

    def _admin(self, *statements: str) -> None:
        names = {
            "name": Identifier(self.name),
            "copy": Identifier(f"{self.name}_copy"),
            "owner": Identifier(f"{PLANT}_owner"),
        }
        with psycopg.connect(roles.address(self.admin, database="postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(SQL(statement).format(**names))


database = TestDatabase()
