"""A small plant log and an export of it, as an auditor gets it."""

import hashlib
import io
import zipfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.bundle import BundleWriter, consistency_line, inclusion_lines, lines, manifest
from audit.canonical_entry import entry_line, leaf_bytes
from audit.checkpoint import Checkpoint, SigningKey
from audit.merkle import leaf_hash
from audit.offline import genba_verify
from tests.audit.trees import Memory

ORIGIN = "plant.example/journal"
RECORD = [0, 1, 2, 255, 256, 257, 299]  # leaves of an export: runs, gaps, both sides of a tile's end
ENTRY = {
    "id": "42",
    "xid": "1001",
    "op": "U",
    "schema_name": "public",
    "table_name": "production_work_orders",
    "pk": '{"id": "0189"}',
    "old": '{"quantity": 10.50}',
    "new": '{"quantity": 12.00}',
    "changed": "note,quantity,x",
    "actor_id": "7",
    "actor_type": "user",
    "actor_name": "現場 Müller",
    "on_behalf_of": None,
    "reason_code": "count",
    "reason": "",
    "request_id": None,
    "station": None,
    "source": "web",
    "app_version": "0.1.0",
    "db_user": "app_rw",
    "compliance_flags": '["ISO 9001"]',
    "at": "2026-01-31T08:00:00.000001Z",
    "tx_at": "2026-01-31T07:59:59.999999Z",
}


def signing_key(secret: int = 1, name: str = ORIGIN) -> SigningKey:
    return SigningKey(name, Ed25519PrivateKey.from_private_bytes(bytes([secret]) * 32))


class Log:
    """Entries numbered from 0 in a signed tree."""

    def __init__(self, size: int, *, key: SigningKey | None = None, changes: dict[int, dict] | None = None) -> None:
        self.key = key or signing_key()
        self.entries = [
            ENTRY | {"id": str(number), "reason": f"entry {number}"} | (changes or {}).get(number, {})
            for number in range(size)
        ]
        self.store = Memory(leaf_hash(leaf_bytes(entry)) for entry in self.entries)

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = len(self.entries) if size is None else size
        return Checkpoint(ORIGIN, size, self.store.tree().root(size), ("time 2026-01-31T08:00:00.000000Z",))

    def note(self, size: int | None = None) -> bytes:
        return self.key.sign(self.checkpoint(size)).encode()

    def files(self, indexes: Iterable[int], witnesses: Iterable[int] = ()) -> dict[str, list[bytes]]:
        """The files of an export of these entries, with earlier checkpoints as witnesses."""
        indexes, size, tree = list(indexes), len(self.entries), self.store.tree()
        leaves = ((index, self.store.leaves[index]) for index in indexes)
        grown = (consistency_line(tree, witness, size) for witness in witnesses)
        return {
            "checkpoint.txt": [self.note()],
            "public_key.txt": [f"{self.key.public.text}\n".encode()],
            "entries.ndjson": list(lines(entry_line(self.entries[index]) for index in indexes)),
            "proofs.ndjson": list(lines(chain(grown, inclusion_lines(tree, leaves)))),
            "record.txt": [b"what people read\n"],
        } | {f"witness/{witness}.txt": [self.note(witness)] for witness in witnesses}


def zipped(files: dict[str, list[bytes]]) -> bytes:
    output = io.BytesIO()
    with BundleWriter(output) as bundle:
        for name, chunks in files.items():
            bundle.add(name, chunks)
    return output.getvalue()


def unpacked(raw: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        archive.extractall(folder)
    return folder


def relisted(folder: Path) -> None:
    """A manifest for what lies there now: what a forger would write."""
    names = (path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    digests = {path.relative_to(folder).as_posix(): sha256_hex(path) for path in names}
    (folder / "manifest.json").write_bytes(manifest(digests))


def sha256_hex(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(*arguments: object) -> int:
    """The verifier's exit code."""
    return genba_verify.main([str(argument) for argument in arguments])


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def forged(folder: Path, name: str, old: bytes, new: bytes) -> Path:
    path = folder / name
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new, 1))
    relisted(folder)
    return folder
