"""One read-only snapshot of the database, in which no name means something of the database's own making."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
from django.db import connection as django_connection
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from audit.verification.archives import Months, months_elsewhere
from audit.verification.settled import settle


class Session:
    def __init__(self, connection: psycopg.Connection, schema: str, months: Months) -> None:
        self.connection, self.schema, self.months = connection, schema, months
        self.journal = months.sources(schema)  # every entry that can be read; in a query under an alias

    def table(self, name: str) -> Identifier:
        return Identifier(self.schema, name)

    def literal(self, name: str) -> Literal:
        """The table's full name as a text, for casts to regclass."""
        return Literal(self.table(name).as_string(self.connection))

    def rows(self, query: SQL | Composed | str, *values: Any, **named: Any) -> list[tuple[Any, ...]]:
        text = SQL(query) if isinstance(query, str) else query
        return self.connection.execute(text, named or values or None).fetchall()

    def one(self, query: SQL | Composed | str, *values: Any, **named: Any) -> Any:
        found = self.rows(query, *values, **named)
        return found[0][0] if found else None

    def copied(self, query: Composable, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of any number as text, without holding them."""
        with self.connection.cursor().copy(SQL("COPY ({}) TO STDOUT").format(query), values) as copy:
            yield from copy.rows()

    @contextmanager
    def one_by_one(self) -> Iterator[None]:
        """Follow the order of an index: without sorting, and without reading all of a large table for some rows."""
        names = ("enable_hashjoin", "enable_mergejoin", "enable_sort")
        for name in names:
            self.connection.execute(SQL("SET LOCAL {} = off").format(Identifier(name)))
        yield
        for name in names:
            self.connection.execute(SQL("SET LOCAL {} = on").format(Identifier(name)))


@contextmanager
def opened(archives: Sequence[Path] = ()) -> Iterator[Session]:
    """A connection of its own with the application's address: a snapshot has to be taken before anything is read.

    `archives` are folders whose archived months are read as if they were here.
    """
    with psycopg.connect(**_address(), application_name="genba-verify") as connection:
        row = connection.execute("SELECT pg_catalog.current_schema()::pg_catalog.text").fetchone()
        connection.commit()
        months = months_elsewhere(connection, cast(tuple[str], row)[0], archives)
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # Holds no seal back, as it writes nothing, and may pause: between two months, while an archive is read, …
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        settle(connection)
        yield Session(connection, cast(tuple[str], row)[0], months)
        connection.rollback()


def _address() -> dict[str, Any]:
    wanted = ("dbname", "user", "password", "host", "port", "connect_timeout", "sslmode", "sslrootcert", "sslcert")
    given = cast(Any, django_connection).get_connection_params()
    return {name: given[name] for name in (*wanted, "sslkey", "service", "passfile") if given.get(name)}
