"""Archives of the journal as they are read: by this program, and by the verifier that lies in each of them."""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from audit.canonical_entry import leaf_bytes
from audit.merkle import leaf_hash
from audit.models import JournalArchive, Verdict
from audit.offline import VERIFIER

ENTRIES = "entries.ndjson"
VERDICTS = {0: Verdict.INTACT, 1: Verdict.ALTERED}


@dataclass(frozen=True)
class Found:
    """What an archive turned out to be when it was read again."""

    archive: JournalArchive
    verdict: str
    detail: str


class Chain:
    """The digest of any number of leaves in their order (`journal_chain` in the database)."""

    def __init__(self) -> None:
        self.state, self.count = b"", 0

    def add(self, leaf: bytes) -> bytes:
        self.state, self.count = hashlib.sha256(self.state + leaf).digest(), self.count + 1
        return leaf

    @property
    def told(self) -> tuple[int, str]:
        return self.count, self.state.hex()


def archive_folders() -> list[Path]:
    """Where archives are looked for when nobody says where."""
    return [Path(settings.JOURNAL_ARCHIVE_DIR)] if settings.JOURNAL_ARCHIVE_DIR else []


def read_again(archive: JournalArchive, folders: Sequence[Path], *, key: str) -> Found:
    """Is the file there, the one that was written, intact for the verifier, and of these very leaves?"""
    path = next((folder / archive.name for folder in folders if (folder / archive.name).is_file()), None)
    if path is None:
        places = ", ".join(map(str, folders)) or "JOURNAL_ARCHIVE_DIR"
        return Found(archive, Verdict.UNCHECKED, f"no file {archive.name} in {places}")
    try:
        if file_digest(path) != archive.sha256:
            return Found(archive, Verdict.ALTERED, f"{path} is not the file that was written")
        code, told = run_verifier(path, key)
        if code == 0 and chain_of(path) != (archive.entries, archive.leaves_digest):
            return Found(archive, Verdict.ALTERED, f"{path} holds other entries than were noted")
    except OSError as error:
        return Found(archive, Verdict.UNCHECKED, f"{path} cannot be read: {error}")
    return Found(archive, VERDICTS.get(code, Verdict.UNCHECKED), told)


def entries_of(path: Path) -> Iterator[dict[str, str | None]]:
    """The entries of an archive in the order of their leaves, one by one."""
    with zipfile.ZipFile(path) as archive, archive.open(ENTRIES) as file:
        for line in file:
            yield json.loads(line)


def chain_of(path: Path) -> tuple[int, str]:
    """Number and digest of the leaves, computed from the entries in the file."""
    chain = Chain()
    for entry in entries_of(path):
        chain.add(leaf_hash(leaf_bytes(entry)))
    return chain.told


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run_verifier(path: Path, key: str) -> tuple[int, str]:
    """The verifier as everybody runs it: alone, without this program and its libraries. (exit code, what it said)"""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as trusted:
        trusted.write(f"{key}\n")
        trusted.flush()
        command = [sys.executable, "-I", "-S", str(VERIFIER), str(path), "--key", trusted.name]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 our own verifier
    return ended.returncode, (ended.stdout + ended.stderr).strip()
