"""Is a service down, is too much going on, or is our own code wrong? The first two pass by themselves.

The answer says so, and tells the two apart.
"""

import threading
import time

import psycopg
from django.db import InterfaceError, OperationalError, connection
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerError
from psycopg_pool import PoolTimeout, TooManyRequests
from redis.exceptions import RedisError

PROBE_SECONDS = 2

# Deadlock, serialisation failure, lock timeout: the database works, this attempt lost.
BUSY_SQLSTATES = ("40001", "40P01", "55P03")


def lost_a_race(error: BaseException | None) -> bool:
    """Others wrote the same records at the same moment."""
    cause = error.__cause__ if error else None
    return isinstance(cause, psycopg.Error) and cause.sqlstate in BUSY_SQLSTATES


def is_crowded(error: BaseException | None) -> bool:
    """Every database connection of this process was at work, and the database is well.

    A pool that cannot connect raises the same as one whose connections are all lent out, and knows no more: when the
    server's machine freezes, what is lent out stays lent out. So the database itself is asked.
    """
    cause = error.__cause__ if error else None
    return isinstance(cause, PoolTimeout | TooManyRequests) and _database.answers()


def service_that_is_down(error: BaseException | None) -> str:
    """The translated name of the service whose absence raised `error`; "" when it was something else."""
    if isinstance(error, RedisError | BrokerError):
        return _("message service (Redis)")
    if isinstance(error, OperationalError | InterfaceError) and not lost_a_race(error) and not is_crowded(error):
        return _("database")
    return ""


def ask_database() -> None:
    """Raises when it does not answer. A connection of its own: the pool may be full, or waiting for the database."""
    parameters = {**connection.get_connection_params(), "connect_timeout": PROBE_SECONDS}
    with psycopg.connect(**parameters, autocommit=True) as probe:
        probe.execute("SELECT 1")


class _Database:
    """Asked by one request at a time, for all: a hundred that waited in vain must not open a hundred connections."""

    def __init__(self) -> None:
        self._one = threading.Lock()
        self._asked_at = float("-inf")
        self._answered = False

    def answers(self) -> bool:
        with self._one:
            if time.monotonic() - self._asked_at > PROBE_SECONDS:
                self._answered = self._ask()
                self._asked_at = time.monotonic()
            return self._answered

    def _ask(self) -> bool:
        try:
            ask_database()
        except (psycopg.Error, OSError):
            return False
        return True


_database = _Database()
