"""What proves that an entry is in the sealed log: for whoever trusts the signing key and not this server."""

import base64
from dataclasses import dataclass

from django.db import connection

from audit.canonical_entry import FIELDS
from audit.merkle import TiledTree
from audit.sealing import StoredTiles

# As the sealed bytes hold them (audit/canonical_entry.py); everything else is the value's own text.
TEXTS = {"changed": "array_to_string(e.changed, ',')", "at": "journal_time(e.at)", "tx_at": "journal_time(e.tx_at)"}
_ENTRY = f"""
    SELECT l.epoch, l.idx, l.hash, {", ".join(TEXTS.get(name, f"e.{name}::text") for name in FIELDS)}
    FROM journal_entry e JOIN journal_leaf l ON l.entry_id = e.id WHERE e.id = %s ORDER BY l.epoch LIMIT 1
"""  # noqa: S608 names of ours
_SEAL = """
    SELECT c.size, c.note, e.public_key FROM journal_checkpoint c JOIN journal_epoch e USING (epoch)
    WHERE c.epoch = %s ORDER BY c.size DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """Everything binary in base64, as in the proofs of an export (docs/export-format.md)."""

    entry: dict[str, str | None]
    epoch: int
    leaf_index: int
    leaf_hash: str
    tree_size: int
    inclusion_proof: list[str]
    checkpoint: str
    public_key: str


def proof_of(entry_id: int) -> Proof | None:
    """Against the last checkpoint of the entry's epoch; None while the entry waits for its seal."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTRY, [entry_id])
        row = cursor.fetchone()
        if row is None:
            return None
        epoch, index, leaf, *texts = row
        cursor.execute(_SEAL, [epoch])
        size, note, public_key = cursor.fetchone()
    path = TiledTree(StoredTiles(connection, epoch), size).inclusion_proof(index)
    return Proof(
        entry=dict(zip(FIELDS, texts, strict=True)),
        epoch=epoch,
        leaf_index=index,
        leaf_hash=_encoded(leaf),
        tree_size=size,
        inclusion_proof=[_encoded(node) for node in path],
        checkpoint=note,
        public_key=public_key,
    )


def _encoded(found: bytes) -> str:
    return base64.b64encode(bytes(found)).decode()
