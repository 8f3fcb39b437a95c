"""Checkpoints outside the database: whoever owns database and key could rebuild the whole journal, but not these.

A witness is a file on another host or medium (a mounted share, a write-once bucket): notes, one after the other.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import structlog
from django.conf import settings

log = structlog.get_logger(__name__)
NOTE = re.compile(r"(?:[^\n]+\n)+\n(?:— [^\n]+\n)+")
TAIL = 64 * 1024  # a note is smaller


def witness_files() -> list[Path]:
    return [Path(name) for name in settings.JOURNAL_WITNESS_FILES]


def publish(note: str, files: Iterable[Path] | None = None) -> list[Path]:
    """Append the note to every witness and return those that could not be written.

    Never raises: a share that is down must not keep the plant from sealing. The next checkpoint covers this one.
    """
    failed = []
    for path in witness_files() if files is None else files:
        try:
            with path.open("a", encoding="utf-8") as witness:
                witness.write(note)
                witness.flush()
                os.fsync(witness.fileno())
        except OSError as error:
            log.error("witness_not_written", witness=str(path), error=str(error))
            failed.append(path)
    return failed


def notes_in(path: Path) -> list[str]:
    """Every note of a witness, oldest first; a line cut off by a sudden end is no note."""
    return NOTE.findall(path.read_text(encoding="utf-8"))


def each_note(path: Path) -> Iterator[str]:
    """The same one by one, for witnesses of years. What is no note is handed out as it stands: somebody looks."""
    note, is_signed = "", False
    with path.open(encoding="utf-8") as witness:
        for line in witness:
            if is_signed and not line.startswith("— "):
                yield note
                note, is_signed = "", False
            note += line
            is_signed = line.startswith("— ")
    if is_signed and note.endswith("\n"):
        yield note


def last_note(path: Path) -> str | None:
    """The newest note, without reading years of them."""
    if not path.exists():
        return None
    with path.open("rb") as witness:
        witness.seek(max(0, path.stat().st_size - TAIL))
        notes = NOTE.findall(witness.read().decode(errors="replace"))
    return notes[-1] if notes else None
