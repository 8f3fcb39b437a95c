"""The copy of a record that lived through a change of the plant's log: each log proves what it holds."""

import contextlib
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import sealing
from audit.checkpoint import SigningKey
from audit.journal import change
from production.models import WorkOrder
from tests import factories
from tests.audit.exports import forged, relisted, unpacked
from tests.audit.sealed import KEY, seal_everything
from tests.database import database
from tests.trail.world import Taken, order_with_everything, take, verify

NEXT_KEY = SigningKey(KEY.name, Ed25519PrivateKey.from_private_bytes(b"\x02" * 32))


@pytest.fixture
def copy(signed_in, plant) -> Taken:
    """Of an order that was sealed, and of which one entry is in the log begun after."""
    order = order_with_everything(plant).order
    seal_everything()
    begin_epoch(NEXT_KEY)
    factories.line("LATER")
    seal_everything(key=NEXT_KEY)
    with change("update_work_order", "in der neuen Zeit"):
        WorkOrder.objects.filter(pk=order.pk).update(priority=1, version=order.version + 1)
    seal_everything(key=NEXT_KEY)
    return take(signed_in("auditor"), order)


def begin_epoch(key: SigningKey) -> None:
    """As after a restore into another cluster, with a new key."""
    deadline = time.monotonic() + 20
    with database.psycopg("sealer") as sealer:
        sealer.autocommit = True
        while time.monotonic() < deadline:  # others may write to other databases of this cluster
            with contextlib.suppress(sealing.SealingRefused):
                sealing.begin_epoch(sealer, key, reason="Restored after the fire.")
                return
    raise AssertionError("no epoch was begun")


@pytest.mark.django_db(transaction=True)
def test_entries_of_an_earlier_epoch_are_proven_by_its_last_checkpoint(copy, tmp_path):
    for name, key in (("old.txt", KEY), ("new.txt", NEXT_KEY)):
        (tmp_path / name).write_text(key.public.text)

    path, old, new = tmp_path / "copy.zip", str(tmp_path / "old.txt"), str(tmp_path / "new.txt")
    path.write_bytes(copy.raw)
    code, said = verify(path, "--key", new, "--key", old)
    assert (code, said.splitlines()[-1]) == (0, "INTACT"), said
    counts, lines = copy.json["counts"], copy.files["earlier/1/entries.ndjson"].splitlines()
    assert f"earlier/1/entries: {len(lines)}, each in the log" in said
    assert len(copy.files["entries.ndjson"].splitlines()) == 1
    assert len(lines) + 1 == counts["entries"] == counts["entries_sealed"]
    assert copy.json["left_out"][-1].startswith("Key figures")
    assert verify(path)[0] == 0
    code, said = verify(path, "--key", new)
    assert (code, "earlier/1/key: not one you were given" in said) == (2, True)
    assert verify(path, "--key", old)[0] == 1  # what the export itself is signed with nobody was given
    held = tmp_path / "held.txt"
    held.write_bytes(copy.files["earlier/1/checkpoint.txt"])
    code, said = verify(path, "--witness", str(held))
    assert (code, "earlier/1/witness given" in said) == (0, True)


@pytest.mark.django_db(transaction=True)
def test_an_earlier_epoch_that_was_forged_is_noticed(copy, tmp_path):
    folder = unpacked(copy.raw, tmp_path / "copy")
    key = tmp_path / "key.txt"
    key.write_text(KEY.public.text)

    forged(folder, "earlier/1/entries.ndjson", b"erste Teile", b"letzte Teile")

    code, said = verify(folder)
    assert (code, "earlier/1/entries: entries.ndjson line" in said) == (1, True), said
    folder = unpacked(copy.raw, tmp_path / "renamed")
    (folder / "earlier" / "1").rename(folder / "earlier" / "3")
    relisted(folder)
    assert "earlier/3/checkpoint: not of epoch 3" in verify(folder)[1]
    folder = unpacked(copy.raw, tmp_path / "hidden")
    (folder / "earlier" / "1").rename(folder / "earlier" / "one")
    relisted(folder)
    assert verify(folder)[0] == 2
