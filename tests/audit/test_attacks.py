"""Attacks and accidents against journal and seals, on a real database with its real roles and real processes.

Most attacks of that kind have their test in `test_verify.py`, `test_sealing.py` and `test_journal_guards.py`; here are
those that need a process of their own, a clock, a size or a second sealer.
"""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from django.db import connections
from psycopg.sql import SQL, Identifier

from audit import sealing
from audit.canonical_entry import FIELDS, leaf_bytes
from audit.context import act_as
from audit.journal import change
from audit.merkle import leaf_hash
from audit.queries.trail import TrailFilter, search
from audit.verification.verify import verify
from tests import factories
from tests.audit.journal import ACT, SAY
from tests.audit.sealed import KEY, as_administrator, codes, found, seal_everything, told
from tests.database import PLANT, database

ROOT = Path(__file__).resolve().parents[2]
# Inserts the leaves of everything that is complete, says so, and never comes to its checkpoint.
SEALER_THAT_HANGS = """
import base64, sys, time
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from audit import sealing
from audit.checkpoint import SigningKey

def hang(connection, *_):
    leaves = connection.execute("SELECT count(*) FROM journal_leaf").fetchone()[0]
    print(leaves, flush=True)
    time.sleep(120)

sealing._sign = hang
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    sealing.seal(connection, SigningKey(sys.argv[2], Ed25519PrivateKey.from_private_bytes(b"\\x01" * 32)))
"""


@pytest.fixture
def seen(tmp_path):
    """The witness."""
    return tmp_path / "witness.txt"


def asked(role: str, question: str, *values: object) -> list[tuple]:
    with database.psycopg(role) as connection:
        return connection.execute(question, values or None).fetchall()


def counts() -> tuple[int, int, int]:
    ((entries, leaves, checkpoints),) = asked(
        "auditor",
        "SELECT (SELECT count(*) FROM journal_entry), (SELECT count(*) FROM journal_leaf),"
        " (SELECT count(*) FROM journal_checkpoint)",
    )
    return entries, leaves, checkpoints


# --- Sealers ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_sealer_killed_between_leaf_and_checkpoint_leaves_nothing_and_the_next_goes_on(as_admin, seen):
    factories.plant()
    seal_everything(seen)
    before = counts()
    factories.line("NEW")
    command = [sys.executable, "-c", SEALER_THAT_HANGS, database.urls["sealer"], KEY.name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as sealer:
        inserted = int(sealer.stdout.readline())
        sealer.send_signal(signal.SIGKILL)
    assert inserted > before[1]  # its leaves were written, and nobody saw them

    deadline = time.monotonic() + 20  # the server notices that the process is gone
    while asked("admin", "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s", sealing.SEALER_LOCK):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert counts()[1:] == before[1:]

    seal_everything(seen)
    report = verify(witness=[seen], keys=[KEY.public])
    assert report.exit_code == 0, told(report)
    assert counts()[0] == counts()[1]


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_seal_everything_once(as_admin, monkeypatch):
    monkeypatch.setattr(sealing, "BATCH", 5)
    writing = threading.Event()
    writing.set()
    sealed_by: dict[str, int] = {"one": 0, "two": 0}

    def seal(name: str) -> None:
        with database.psycopg("sealer") as connection:
            connection.autocommit = True
            while writing.is_set():
                sealed_by[name] += sum(each.added for each in sealing.seal_all(connection, KEY))

    sealers = [threading.Thread(target=seal, args=[name]) for name in sealed_by]
    for sealer in sealers:
        sealer.start()
    try:
        with act_as(as_admin, source="test"):
            factories.plant()
            for n in range(20):
                factories.line(f"SEALED-{n}")
    finally:
        writing.clear()
        for sealer in sealers:
            sealer.join()
    seal_everything()

    entries, leaves, _checkpoints = counts()
    assert entries == leaves >= sum(sealed_by.values()) > 0
    assert asked("auditor", "SELECT count(DISTINCT entry_id), min(idx), max(idx) FROM journal_leaf") == [
        (leaves, 0, leaves - 1)
    ]
    report = verify(keys=[KEY.public])
    assert report.exit_code == 0, told(report)


# --- Time --------------------------------------------------------------------------------------------------


def put_entry(tx_at: str, name: str) -> int:
    """An entry as the trigger writes it, in a transaction of its own that the clock of the database dates so."""
    with database.psycopg("owner") as connection:
        connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(f"{PLANT}_journal")))
        connection.execute("SELECT journal_make_partition((%s::timestamptz AT TIME ZONE 'UTC')::date)", [tx_at])
        row = connection.execute(
            "INSERT INTO journal_entry (tx_at, at, op, schema_name, table_name, pk, new, changed, actor_type,"
            " actor_name, reason_code, reason, request_id, station, source, app_version, compliance_flags)"
            " VALUES (%(at)s, %(at)s, 'I', 'public', 'gone', %(name)s, '{}', '{}', 'user', 'Test', '', '',"
            " gen_random_uuid(), '', 'test', '0', '[]') RETURNING id",
            {"at": tx_at, "name": name},
        ).fetchone()
    return row[0]


@pytest.mark.django_db(transaction=True)
def test_a_clock_set_back_neither_loses_nor_reorders_what_is_sealed(as_admin, seen):
    """Order is that of transactions: a clock of the server that steps back dates entries earlier, and no more."""
    first = put_entry("2031-05-01T12:00:00Z", "before the step")
    seal_everything(seen)
    second = put_entry("2031-05-01T11:00:00Z", "after the step")
    third = put_entry("2031-05-01T11:00:01Z", "later")
    size = seal_everything(seen)

    sealed = [entry for (entry,) in asked("auditor", "SELECT entry_id FROM journal_leaf ORDER BY idx")]
    assert sealed[-3:] == [first, second, third] == sorted([first, second, third])
    shown = [entry.pk_text for entry in search(TrailFilter(tables=frozenset({"gone"})), size=10).entries]
    assert shown == ["later", "after the step", "before the step"]
    report = verify(witness=[seen], keys=[KEY.public])
    assert (report.exit_code, report.size) == (0, size), told(report)


@pytest.mark.django_db(transaction=True)
def test_a_transaction_over_midnight_of_a_month_is_sealed_with_its_own_month(as_admin, seen):
    last = put_entry("2031-01-31T23:59:59.999999Z", "begun before midnight, committed after the next one")
    first = put_entry("2031-02-01T00:00:00Z", "of the new month")
    seal_everything(seen)

    months = asked(
        "auditor", "SELECT id, tableoid::regclass::text FROM journal_entry WHERE table_name = 'gone' ORDER BY id"
    )
    assert months == [(last, "journal_entry_y2031m01"), (first, "journal_entry_y2031m02")]
    report = verify(witness=[seen])
    assert report.exit_code == 0, told(report)


@pytest.mark.django_db(transaction=True)
def test_a_month_taken_off_and_put_back_altered_is_named(as_admin, seen):
    entry = put_entry("2031-01-15T00:00:00Z", "one")
    put_entry("2031-02-15T00:00:00Z", "two")
    seal_everything(seen)
    as_administrator(
        "ALTER TABLE journal_entry DETACH PARTITION journal_entry_y2031m01",
        "UPDATE journal_entry_y2031m01 SET reason = 'Forged'",
        "ALTER TABLE journal_entry ATTACH PARTITION journal_entry_y2031m01"
        " FOR VALUES FROM ('2031-01-01 00:00Z') TO ('2031-02-01 00:00Z')",
    )

    assert ("entry_altered", "gone", "one", "") in found(verify(witness=[seen]))

    with database.psycopg("admin") as admin:
        admin.execute("DROP TABLE journal_entry_y2031m01")
    assert ("entry_removed", "journal_entry", str(entry), "") in found(verify(witness=[seen]))


# --- A signature of another ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_signature_moved_to_another_record_is_named(as_admin, seen):
    plant = factories.plant()
    signed, other = factories.work_order(plant, status="released"), factories.work_order(plant, status="planned")
    seal_everything(seen)
    as_administrator(
        "UPDATE audit_signature SET record_pk = %(pk)s WHERE record_pk = %(of)s", pk=str(other.pk), of=str(signed.pk)
    )

    assert {"signature", "field_differs"} <= codes(verify(witness=[seen]))


# --- Bytes and sizes ---------------------------------------------------------------------------------------


GOLDEN = {
    "id": "42",
    "xid": "1001",
    "op": "U",
    "schema_name": "public",
    "table_name": "work_orders",
    "pk": "01900000-0000-7000-8000-000000000001",
    "old": '{"aa": 0, "quantity": 10.50}',
    "new": '{"aa": 1000, "quantity": 12.00}',
    "changed": "note,quantity",
    "actor_id": "01900000-0000-7000-8000-000000000002",
    "actor_type": "user",
    "actor_name": "現場 Müller",
    "on_behalf_of": None,
    "reason_code": "count",
    "reason": "",
    "request_id": "01900000-0000-7000-8000-000000000003",
    "station": "Bay 7",
    "source": "web",
    "app_version": "0.1.0",
    "db_user": "genba_app",
    "compliance_flags": '["21 CFR Part 11", "ISO 9001"]',
    "at": "2026-01-31T08:00:00.000001Z",
    "tx_at": "2026-01-31T07:59:59.999999Z",
}
GOLDEN_LEAF = "7220b1e61dd312b655c66ac89b7ee4a9f67044b3c456bf4c11cffc77df486466"


@pytest.mark.django_db
def test_an_entry_has_the_leaf_it_always_had(as_admin):
    """Golden, in Python and in the database, on every version of PostgreSQL."""
    columns = ", ".join(f"%({name})s AS {name}" for name in FIELDS if name != "changed")
    question = (
        f"SELECT encode(journal_leaf_hash(jsonb_populate_record(NULL::journal_entry, to_jsonb(g) || jsonb_build_object("
        f"'old', g.old::jsonb, 'new', g.new::jsonb, 'compliance_flags', g.compliance_flags::jsonb, 'changed',"
        f" string_to_array(%(changed)s, ',')))), 'hex') FROM (SELECT {columns}) AS g"
    )
    with database.psycopg("auditor") as auditor:
        ((hashed,),) = auditor.execute(question, GOLDEN).fetchall()

    assert leaf_hash(leaf_bytes(GOLDEN)).hex() == hashed == GOLDEN_LEAF


@pytest.mark.django_db
def test_a_jsonb_value_has_the_text_it_always_had():
    """What is sealed is this text: a version of PostgreSQL that writes it otherwise must not pass unseen."""
    odd = r'{"b": [1, {"c": null}], "a": 1.50, "\u00e9\u73fe": "\\ \" / \u0001 \ud83d\ude00", "n": 1e3, "aa": -0}'

    assert asked("auditor", "SELECT %s::jsonb::text", odd) == [
        ('{"a": 1.50, "b": [1, {"c": null}], "n": 1000, "aa": 0, "é現": "\\\\ \\" / \\u0001 😀"}',)
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("letters", ["x", "現"])
def test_a_text_of_many_megabytes_is_sealed_as_it_is(as_admin, seen, letters):
    order = factories.work_order(factories.plant())
    with database.psycopg("app") as app:
        app.execute(SAY, [ACT])
        app.execute(
            "UPDATE work_orders SET special_instructions = repeat(%s, 8000000) WHERE id = %s", [letters, order.pk]
        )
    seal_everything(seen)

    ((size, hashed),) = asked(
        "auditor",
        "SELECT length(e.new ->> 'special_instructions'), l.hash FROM journal_entry e"
        " JOIN journal_leaf l ON l.entry_id = e.id WHERE e.op = 'U' AND e.pk = %s ORDER BY e.id DESC LIMIT 1",
        str(order.pk),
    )
    assert size == 8_000_000
    assert len(hashed) == len(leaf_hash(b""))
    report = verify(witness=[seen], tables=["work_orders"])
    assert report.verdict("log") == "intact", told(report)


@pytest.mark.django_db(transaction=True)
def test_what_is_too_large_for_the_journal_is_refused_and_never_left_out(as_admin):
    """jsonb ends at 256 MB: such a text is in neither, whoever writes it."""
    order = factories.work_order(factories.plant())
    before = counts()

    with database.psycopg("app") as app:
        app.execute(SAY, [ACT])
        with pytest.raises(psycopg.errors.ProgramLimitExceeded):
            app.execute(
                "UPDATE work_orders SET special_instructions = repeat('x', 270000000) WHERE id = %s", [order.pk]
            )

    assert counts() == before
    assert asked(
        "app", "SELECT coalesce(length(special_instructions), 0) < 1000 FROM work_orders WHERE id = %s", order.pk
    ) == [(True,)]
    connections.close_all()


# --- Unused act --------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_name_that_was_claimed_is_in_the_journal_beside_the_database_user(as_admin):
    """Whoever has the application's password may say to be anybody; not under which role of the database."""
    with change("arrange_test"):
        order = factories.work_order(factories.plant())
    with database.psycopg("app") as app:
        app.execute(SAY, [ACT])
        app.execute("UPDATE work_orders SET priority = 1 WHERE id = %s", [order.pk])

    assert asked("auditor", "SELECT actor_name, db_user, source FROM journal_entry ORDER BY id DESC LIMIT 1") == [
        ("Somebody", f"{PLANT}_app", "psql")
    ]
