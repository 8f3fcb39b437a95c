"""Reading many things as they were at one moment."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction

from audit.context import Act, acting

# It writes nothing and so holds no seal back: it may pause while a paper is set, longer than other transactions.
BEGINS = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0"


@contextmanager
def snapshot() -> Iterator[None]:
    """Everything read inside is of one moment, and nothing is written. Inside another transaction that one goes on.

    The isolation level must be said before the first query, and telling a transaction who acts is a query: this one
    begins with nobody, as it needs no name.
    """
    with ExitStack() as stack:
        if not connection.in_atomic_block:
            with acting(Act(who=AnonymousUser, source="snapshot")):
                stack.enter_context(transaction.atomic())
            with connection.cursor() as cursor:
                cursor.execute(BEGINS)
        yield
