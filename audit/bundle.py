"""Writes what `audit/offline/genba_verify.py` reads: see docs/export-format.md.

    with BundleWriter(output) as bundle:
        bundle.add("checkpoint.txt", [note.encode()])
        bundle.add("public_key.txt", [f"{key.text}\\n".encode()])
        bundle.add("entries.ndjson", lines(entry_line(entry) for entry in ...))
        bundle.add("proofs.ndjson", lines(chain([consistency_line(...)], inclusion_lines(...))))

Nothing is held but the part that is being written, so an export of any size can be streamed.
"""

import base64
import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Protocol

from audit.merkle import TILE_WIDTH, TiledTree
from audit.offline import VERIFIER

FORMAT = "genba-export-v1"
MANIFEST = "manifest.json"
SEAL = b"sha256:"
SEAL_SIZE = len(SEAL) + 64
EARLIEST = (1980, 1, 1, 0, 0, 0)  # of zip files; the same content gives the same bytes


class Output(Protocol):
    def write(self, data: bytes, /) -> object: ...


def lines(texts: Iterable[str]) -> Iterator[bytes]:
    return (f"{text}\n".encode() for text in texts)


def inclusion_lines(tree: TiledTree, leaves: Iterable[tuple[int, bytes]], size: int | None = None) -> Iterator[str]:
    """Proofs for leaves given as (index, leaf hash) in ascending order: one line per run within a tile."""
    start, run = 0, list[bytes]()
    for index, leaf in leaves:
        if run and (index != start + len(run) or index % TILE_WIDTH == 0):
            yield _inclusion_line(tree, start, run, size)
            run = []
        start = start if run else index
        run.append(leaf)
    if run:
        yield _inclusion_line(tree, start, run, size)


def _inclusion_line(tree: TiledTree, start: int, run: list[bytes], size: int | None) -> str:
    hashes = tree.range_proof(start, start + len(run), size)
    return _json({"start": start, "leaves": _encoded(run), "hashes": _encoded(hashes)})


def consistency_line(tree: TiledTree, old: int, new: int) -> str:
    """The proof that the log of `old` entries is the beginning of the one of `new`. These lines come first."""
    return _json({"from": old, "to": new, "hashes": _encoded(tree.consistency_proof(old, new))})


def _encoded(hashes: Iterable[bytes]) -> list[str]:
    return [base64.b64encode(found).decode() for found in hashes]


def _json(proof: dict[str, object]) -> str:
    return json.dumps(proof, separators=(",", ":"))


def manifest(digests: dict[str, str], counts: dict[str, int] | None = None) -> bytes:
    """SHA-256 of every other file, in the one spelling the verifier takes; `counts` says how much there should be."""
    content = {"format": FORMAT, "files": digests} | ({"counts": counts} if counts else {})
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


class BundleWriter:
    """A zip file with manifest, verifier and seal, written to anything with `write`."""

    def __init__(self, output: Output) -> None:
        self._sealing = _Sealing(output)
        self._zip = zipfile.ZipFile(self._sealing, "w", zipfile.ZIP_DEFLATED)  # type: ignore[call-overload]
        self._digests: dict[str, str] = {}
        self.counts: dict[str, int] = {}  # for people and programs that compare them with the content

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        if name in self._digests:
            raise ValueError(f"{name} is already in the export")
        self._digests[name] = self._write(name, chunks)

    def _write(self, name: str, chunks: Iterable[bytes]) -> str:
        member = zipfile.ZipInfo(name, EARLIEST)
        member.compress_type = zipfile.ZIP_DEFLATED
        member.external_attr = 0o644 << 16
        digest = hashlib.sha256()
        with self._zip.open(member, "w", force_zip64=True) as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    def __enter__(self) -> "BundleWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._sealing.abandon()
            return
        self.add(VERIFIER.name, [VERIFIER.read_bytes()])
        self._write(MANIFEST, [manifest(self._digests, self.counts)])
        self._zip.comment = bytes(SEAL_SIZE)
        self._zip.close()
        self._sealing.finish()


class _Sealing:
    """Passes everything on but the zip comment, which becomes the digest of what went before."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._digest = hashlib.sha256()
        self._held = b""
        self._abandoned = False

    def write(self, data: bytes) -> int:
        if self._abandoned:
            return len(data)
        held = self._held + bytes(data)
        ready = held[:-SEAL_SIZE]
        self._held = held[len(ready) :]
        self._digest.update(ready)
        self._output.write(ready)
        return len(data)

    def flush(self) -> None:
        """zipfile asks for it; who owns the output flushes it."""

    def abandon(self) -> None:
        """Half an export is left without its end, so nothing opens it; zipfile would still write one when collected."""
        self._abandoned = True

    def finish(self) -> None:
        self._output.write(SEAL + self._digest.hexdigest().encode())
