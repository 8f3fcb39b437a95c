"""The sealer on a real database, as its own role."""

import base64
import contextlib
import threading
import time

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import connection as django_connection

from accounts.models import User
from audit import sealing
from audit.canonical_entry import FIELDS, leaf_bytes_in_order
from audit.checkpoint import SigningKey, open_checkpoint
from audit.context import act_as
from audit.journal import change
from audit.merkle import TiledTree, leaf_hash, root_of, verify_inclusion
from tests import factories
from tests.database import database

pytestmark = pytest.mark.django_db(transaction=True)
KEY = SigningKey("plant.example/journal", Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
SEALS = ("journal_epoch", "journal_leaf", "journal_node", "journal_checkpoint")


@pytest.fixture
def sealer():
    with database.psycopg("sealer") as connection:
        connection.autocommit = True
        yield connection


def rows(connection, query):
    return connection.execute(query).fetchall()


def seal_all(connection):
    """Until nothing is left. Transactions of other databases of the cluster may hold a part back for a moment."""
    sealed, deadline = [], time.monotonic() + 20
    while time.monotonic() < deadline:
        sealed += sealing.seal_all(connection, KEY)
        (left,) = rows(connection, "SELECT (SELECT count(*) FROM journal_entry) - (SELECT count(*) FROM journal_leaf)")[
            0
        ]
        if not left:
            return sealed
    raise AssertionError(f"{left} entries are not sealed")


def leaves_of(connection):
    return [bytes(found) for (found,) in rows(connection, "SELECT hash FROM journal_leaf ORDER BY idx")]


def entries_as_text(connection):
    special = {"changed": "array_to_string(changed, ',')", "at": "journal_time(at)", "tx_at": "journal_time(tx_at)"}
    names = ", ".join(special.get(name, f"{name}::text") for name in FIELDS)
    return rows(connection, f"SELECT {names} FROM journal_entry e ORDER BY e.xid, e.id")


def test_every_entry_becomes_the_leaf_that_python_computes(sealer, as_admin):
    factories.plant()

    sealed = seal_all(sealer)

    leaves = leaves_of(sealer)
    assert leaves == [leaf_hash(leaf_bytes_in_order(entry)) for entry in entries_as_text(sealer)]
    assert sealed[-1].checkpoint.size == len(leaves) > 20
    assert open_checkpoint(sealed[-1].note, KEY.public).root == root_of(leaves)


def test_what_is_new_is_added_and_nothing_new_is_no_checkpoint(sealer, as_admin, monkeypatch):
    monkeypatch.setattr(sealing, "BATCH", 7)
    factories.plant()
    first = seal_all(sealer)
    assert sealing.seal(sealer, KEY) is None

    factories.line("NEW")
    second = seal_all(sealer)

    assert len(first) > 1
    assert second[-1].checkpoint.size == first[-1].checkpoint.size + sum(part.added for part in second)
    tree = TiledTree(sealing.StoredTiles(sealer, 1), second[-1].checkpoint.size)
    leaves = leaves_of(sealer)
    assert verify_inclusion(leaves[3], 3, len(leaves), tree.inclusion_proof(3), second[-1].checkpoint.root)
    assert tree.root(first[0].checkpoint.size) == first[0].checkpoint.root


def test_an_entry_of_a_transaction_still_open_waits_and_is_not_lost(sealer, as_admin):
    factories.line("BEFORE")
    seal_all(sealer)
    begun, go_on = threading.Event(), threading.Event()

    def write_slowly():
        with act_as(as_admin, source="test"), change("write_slowly"):
            factories.line("SLOW")
            begun.set()
            go_on.wait(10)
        django_connection.close()

    def sealed_codes():
        found = rows(
            sealer,
            "SELECT new ->> 'line_code' FROM journal_leaf l JOIN journal_entry e ON e.id = l.entry_id"
            " WHERE table_name = 'production_lines'",
        )
        return {code for (code,) in found}

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert begun.wait(10)
    factories.line("QUICK")  # a higher entry id, committed first
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        list(sealing.seal_all(sealer, KEY))
        assert sealed_codes() == {"BEFORE"}

    go_on.set()
    writer.join()
    seal_all(sealer)
    assert sealed_codes() == {"BEFORE", "SLOW", "QUICK"}


def test_of_two_sealers_one_works(sealer, as_admin):
    factories.plant()
    with database.psycopg("sealer") as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.SEALER_LOCK])
        assert sealing.seal(sealer, KEY) is None
    assert seal_all(sealer)


def test_killed_between_leaves_and_checkpoint_it_left_nothing(sealer, as_admin, monkeypatch):
    factories.plant()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sealing, "_sign", killed)
        with pytest.raises(KeyboardInterrupt):
            sealing.seal(sealer, KEY)
    assert leaves_of(sealer) == []

    sealed = seal_all(sealer)
    assert sealed[-1].checkpoint.size == len(entries_as_text(sealer))


def test_in_another_cluster_it_stops_until_a_person_begins_an_epoch(sealer, as_admin):
    factories.plant()
    last = seal_all(sealer)[-1]
    with database.psycopg("admin") as admin:  # what a dump restored elsewhere looks like
        admin.execute("ALTER TABLE journal_epoch DISABLE TRIGGER append_only")
        admin.execute("UPDATE journal_epoch SET system_identifier = 'of another cluster'")
    factories.line("LATER")

    with pytest.raises(sealing.SealingRefused, match="another cluster"):
        sealing.seal(sealer, KEY)

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:  # others may write to other databases of this cluster
        with contextlib.suppress(sealing.SealingRefused):
            sealing.begin_epoch(sealer, KEY, reason="Restored after the fire.")
            break
    assert rows(sealer, "SELECT follows FROM journal_epoch WHERE epoch = 2") == [(last.note,)]
    assert ("LATER",) in rows(
        sealer,
        "SELECT e.new ->> 'line_code' FROM journal_leaf l JOIN journal_entry e ON e.id = l.entry_id WHERE epoch = 2",
    )
    factories.line("AFTER")
    deadline = time.monotonic() + 20
    while not (sealed := sealing.seal(sealer, KEY)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sealed.checkpoint.extension("epoch") == "2"


class TestTheCommandThatBeginsAnEpoch:
    @pytest.fixture
    def begin(self, sealer, as_admin, settings):
        factories.plant()
        seal_all(sealer)
        settings.DATABASE_SEALER_URL, settings.JOURNAL_ORIGIN = database.urls["sealer"], KEY.name
        settings.JOURNAL_KEY = base64.b64encode(b"\x01" * 32).decode()
        return lambda user, reason="Restored after the fire.": call_command(
            "begin_epoch", "--reason", reason, "--user", user.username
        )

    def epochs(self, sealer):
        return rows(sealer, "SELECT epoch, reason FROM journal_epoch ORDER BY epoch")

    def test_the_epoch_keeps_who_began_it_and_why(self, begin, sealer, as_admin):
        factories.line("LATER")
        deadline = time.monotonic() + 20
        while len(self.epochs(sealer)) == 1 and time.monotonic() < deadline:
            with contextlib.suppress(CommandError):  # others may write to other databases of this cluster
                begin(as_admin)

        who = f"{as_admin.printed_name} ({as_admin.username})"
        assert self.epochs(sealer)[1:] == [(2, f"Restored after the fire. (begun by {who})")]

    @pytest.mark.parametrize(
        ("values", "reason", "said"),
        [
            ({"is_superuser": False}, "Restored.", "You lack the permission"),
            ({"is_person": False}, "Restored.", "no active user"),
            ({"is_active": False}, "Restored.", "no active user"),
            ({}, "...", "Say why"),
        ],
    )
    def test_it_needs_a_person_with_the_right_and_a_reason(self, begin, sealer, as_admin, values, reason, said):
        with factories.arranging():
            User.objects.filter(pk=as_admin.pk).update(**values)

        with pytest.raises(CommandError, match=said):
            begin(as_admin, reason)

        assert len(self.epochs(sealer)) == 1


def test_another_key_is_refused(sealer, as_admin):
    factories.plant()
    seal_all(sealer)

    with pytest.raises(sealing.SealingRefused, match="signing key"):
        sealing.seal(sealer, SigningKey(KEY.name, Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)))


def test_nobody_changes_a_seal(sealer, as_admin):
    factories.plant()
    seal_all(sealer)
    assert all(rows(sealer, f"SELECT 1 FROM {table} LIMIT 1") for table in SEALS)

    allowed = []
    for role in ("app", "sealer", "auditor", "owner", "admin"):
        for table in SEALS:
            for text in ("UPDATE {} SET epoch = epoch", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
                with database.psycopg(role) as connection:
                    try:
                        connection.execute(text.format(table))
                    except psycopg.errors.InsufficientPrivilege:
                        continue
                    finally:
                        connection.rollback()
                allowed.append((role, text.format(table)))
    assert allowed == []


def test_only_the_sealer_adds_seals(as_admin):
    for role in ("app", "auditor", "owner"):
        with database.psycopg(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO journal_epoch VALUES (9, now(), '', '', '', '0', 0, '', '')")
