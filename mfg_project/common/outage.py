"""Is a service down, or is our own code wrong? The first passes by itself, and the answer says so."""

import psycopg
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

# Deadlock, serialisation failure, lock timeout: the database works, this attempt lost.
BUSY_SQLSTATES = ("40001", "40P01", "55P03")


def is_busy(error: BaseException | None) -> bool:
    cause = error.__cause__ if error else None
    return isinstance(cause, psycopg.Error) and cause.sqlstate in BUSY_SQLSTATES


def service_that_is_down(error: BaseException | None) -> str:
    """The translated name of the service whose absence raised `error`; "" when it was something else."""
    if isinstance(error, RedisError | BrokerError):
        return _("message service (Redis)")
    if isinstance(error, OperationalError | InterfaceError) and not is_busy(error):
        return _("database")
    return ""
