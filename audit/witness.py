"""Checkpoints outside the database: whoever owns database and key could rebuild the whole journal, but not these.

A witness is a file on another host or medium (a mounted share, a write-once bucket): notes, one after the other.
"""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import structlog
from django.conf import settings

log = structlog.get_logger(__name__)
NOTE = re.compile(r"(?:[^\n]+\n)+\n(?:— [^\n]+\n)+")
TAIL = 64 * 1024  # a note is smaller
WRITER = Path(__file__).with_name("witness_writer.py")
WRITES_WITHIN = 5.0  # seconds, for all witnesses together
A_MOMENT = 0.2  # for one that was ready while another was waited for
Writer = subprocess.Popen[bytes]

_left_behind: list[Writer] = []


def witness_files() -> list[Path]:
    return [Path(name) for name in settings.JOURNAL_WITNESS_FILES]


def publish(note: str, files: Iterable[Path] | None = None) -> list[Path]:
    """Append the note to every witness and return those that could not be written.

    Never raises, and takes no longer than WRITES_WITHIN: a share that is down or hangs must not keep the plant from
    sealing. The next checkpoint covers this one.
    """
    _left_behind[:] = [writer for writer in _left_behind if writer.poll() is None]
    deadline = time.monotonic() + WRITES_WITHIN
    begun = [(path, _begin(path, note)) for path in (witness_files() if files is None else files)]
    failed = []
    for path, writer in begun:
        if error := writer if isinstance(writer, str) else _end(writer, deadline):
            log.error("witness_not_written", witness=str(path), error=error)
            failed.append(path)
    return failed


def _begin(path: Path, note: str) -> Writer | str:
    """Send a process to write, or say why not. One at a time for a witness, whoever sends it, and however it ends.

    The lock is the writer's: one that is killed, and still waits for its share, holds it until it is really gone.
    """
    try:
        with _lock_file(path) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return "an earlier write has not ended"
            writer = Writer(
                [sys.executable, "-I", "-S", str(WRITER), str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[lock.fileno()],
            )
    except OSError as error:
        return str(error)
    assert writer.stdin is not None  # noqa: S101 asked for above
    with suppress(BrokenPipeError), writer.stdin:  # a note fits into the pipe: this waits for nobody
        writer.stdin.write(note.encode())
    writer.stdin = None
    return writer


def _end(writer: Writer, deadline: float) -> str:
    """What went wrong, or nothing."""
    try:
        _, told = writer.communicate(timeout=max(A_MOMENT, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        writer.kill()
        assert writer.stderr is not None  # noqa: S101 asked for above
        writer.stderr.close()
        _left_behind.append(writer)  # never waited for: what waits for a dead share hears no signal
        return f"not written within {WRITES_WITHIN:g} s"
    return told.decode(errors="replace") or f"ended with {writer.returncode}" if writer.returncode else ""


def _lock_file(path: Path) -> IO[bytes]:
    """On this machine, and of this account: never beside the witness, which may hang."""
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    lock = Path(tempfile.gettempdir()) / f"genba-witness-{os.getuid()}-{name}.lock"
    return os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b")


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
