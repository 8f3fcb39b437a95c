"""What holds in every transaction of a verification."""

import psycopg
from psycopg.sql import SQL, Identifier

# As the journal's trigger has them, so that one value has one text; and an error instead of rows hidden by a policy.
SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "row_security": "off",
    "jit": "off",
}


def settle(connection: psycopg.Connection) -> None:
    """Until the transaction ends, so that a pooled connection carries nothing into somebody else's."""
    connection.execute("SET LOCAL search_path = pg_catalog, pg_temp")
    for name, value in SETTINGS.items():
        connection.execute(SQL("SET LOCAL {} = {}").format(Identifier(name), value))
