"""A sealed plant in tests, its witness, and what somebody with all rights does to it."""

import json
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import sealing, witness
from audit.checkpoint import SigningKey
from audit.verification.report import Report
from tests.database import database

KEY = SigningKey("plant.example/journal", Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))


def seal_everything(to: Path | None = None, key: SigningKey = KEY) -> int:
    """Seal until nothing is left and tell the witness; returns the size of the log."""
    deadline = time.monotonic() + 20
    with database.psycopg("sealer") as connection:
        connection.autocommit = True
        while time.monotonic() < deadline:  # transactions of other databases of the cluster may hold a part back
            for sealed in sealing.seal_all(connection, key):
                if to:
                    witness.publish(sealed.note, [to])
            entries, leaves = connection.execute(
                "SELECT (SELECT count(*) FROM journal_entry), (SELECT count(*) FROM journal_leaf)"
            ).fetchone()
            if entries <= leaves:
                return leaves
    raise AssertionError("not everything is sealed")


def as_administrator(*statements: str, **values: Any) -> None:
    """What an administrator of the cluster does, with every trigger of the plant's tables switched off meanwhile."""
    with database.psycopg("admin") as connection:
        tables = connection.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
        names = [name for (name,) in tables.fetchall()]
        enabled = connection.execute(
            "SELECT tgrelid::regclass::text, quote_ident(tgname), tgenabled::text FROM pg_trigger"
            " WHERE NOT tgisinternal"
        ).fetchall()
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in names:
            connection.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
        for statement in statements:
            connection.execute(statement, values or None)
        for table, trigger, state in enabled:
            how = {"A": "ENABLE ALWAYS", "O": "ENABLE"}[state]
            connection.execute(f"ALTER TABLE {table} {how} TRIGGER {trigger}")


def found(report: Report) -> set[tuple[str, str, str, str]]:
    return {(each.code, each.table, each.key, each.field) for each in report.findings}


def codes(report: Report) -> set[str]:
    return {each.code for each in report.findings}


def told(report: Report) -> str:
    return json.dumps(report.as_json(), indent=1, default=str) + "".join(report.remarks)
