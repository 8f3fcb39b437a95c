"""Django's PostgreSQL backend, whose BEGIN also says who acts.

The journal's triggers read the act from a setting of the transaction. Sent as a statement of its own it would cost
each write a round trip; here it travels with the BEGIN (one message, two statements), and ends with the transaction,
so that a pooled connection never carries one person's name into another's request.
"""

from django.db.backends.postgresql import base
from psycopg import sql

from audit.context import current_act_or_none

TELL = sql.SQL("SELECT set_config('genba.act', {}, true)")


class DatabaseWrapper(base.DatabaseWrapper):
    told = ""  # the act that the running transaction was told of, as JSON

    def _set_autocommit(self, autocommit: bool) -> None:
        """Begin ourselves. For psycopg the connection stays in autocommit, which leaves transactions to its user."""
        if autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]  # the stubs know nothing of it
            return
        act = current_act_or_none()
        self.told = act.as_json() if act else ""
        with self.wrap_database_errors:
            self.connection.execute(f"BEGIN; {self._telling(self.told)}" if self.told else "BEGIN", prepare=False)

    def tell(self, act: str) -> None:
        """Name another act inside a transaction that runs already; a savepoint rolled back takes it along."""
        with self.wrap_database_errors:
            self.connection.execute(self._telling(act), prepare=False)
        self.told = act

    def _telling(self, act: str) -> str:
        return TELL.format(sql.Literal(act)).as_string(self.connection)
