"""Checks a bundle somebody sends in, with the verifier that lies in every bundle and nothing else.

It runs as a program of its own that reads the file in place: nothing of the upload is imported or unpacked, and one
made to take for ever is ended. What of it is this plant's is looked up afterwards.
"""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection

from audit.offline import VERIFIER, genba_verify

LONGEST = 120  # seconds
VERDICTS = {
    genba_verify.INTACT: "intact",
    genba_verify.ALTERED: "altered",
    genba_verify.UNCHECKED: "cannot_be_checked",
}
_KNOWN_KEY = "SELECT count(*) > 0 FROM journal_epoch WHERE public_key = %s"
_KNOWN_CHECKPOINT = """
    SELECT c.epoch, c.at FROM journal_checkpoint c JOIN journal_epoch e USING (epoch)
    WHERE e.public_key = %s AND c.size = %s AND c.root = %s
"""


@dataclass(frozen=True, slots=True)
class Finding:
    kind: str  # ok, note, altered, unchecked
    text: str


@dataclass(slots=True)
class Answer:
    verdict: str
    findings: list[Finding] = field(default_factory=list)
    public_key: str | None = None
    key_is_known: bool = False  # one of this plant's
    origin: str | None = None
    size: int | None = None
    checkpoint_is_known: bool = False  # this database holds it
    epoch: int | None = None


def verify_upload(path: Path) -> Answer:
    """What `python3 genba_verify.py FILE` says, and whether key and checkpoint are this plant's."""
    try:
        done = subprocess.run(  # noqa: S603 a program of ours; the file is only read
            [sys.executable, "-I", str(VERIFIER), str(path)],
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        late = Finding("unchecked", f"export: takes more than {LONGEST} s to check; check it with genba_verify.py")
        return Answer(VERDICTS[genba_verify.UNCHECKED], [late])
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    answer = Answer(VERDICTS.get(done.returncode, VERDICTS[genba_verify.UNCHECKED]), [*_findings(lines)])
    _look_up(path, answer)
    return answer


def _findings(lines: list[str]) -> list[Finding]:
    kinds = ("ok", "note", "ALTERED", "UNCHECKED")
    return [Finding(word.lower(), text.strip()) for line in lines for word, _sep, text in [line.partition(" ")]
            if word in kinds and text]  # fmt: skip


def _look_up(path: Path, answer: Answer) -> None:
    """Small files only, read by the verifier's own rules; a bundle that has none stays unknown.

    What is said of the present log; an earlier one in the bundle that is not this plant's makes it unknown.
    """
    try:
        logs = [_log_in(files) for _place, _epoch, files in genba_verify.logs_in(genba_verify.Zip(str(path)))]
    except Exception:  # whatever is wrong with it, the verifier has said it above
        return
    answer.public_key, (answer.origin, answer.size, *_) = logs[0]
    known = [_known(key, checkpoint) for key, checkpoint in logs]
    answer.key_is_known = all(is_ours for is_ours, _epoch in known)
    if all(epoch is not None for _is_ours, epoch in known):
        answer.checkpoint_is_known, answer.epoch = True, known[0][1]


def _log_in(files: Any) -> tuple[str, tuple[Any, ...]]:
    key_text = genba_verify.read_small(files, genba_verify.KEY)
    key = genba_verify.parse_key(key_text)
    note = genba_verify.read_small(files, genba_verify.CHECKPOINT)
    return key_text.decode().strip(), genba_verify.open_checkpoint(note, key)


def _known(key: str, checkpoint: tuple[Any, ...]) -> tuple[bool, int | None]:
    """Whether the key is one of this plant's, and of which epoch the checkpoint is in this database."""
    _origin, size, root, _epoch = checkpoint
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN_KEY, [key])
        (is_ours,) = cursor.fetchone()
        cursor.execute(_KNOWN_CHECKPOINT, [key, size, root])
        row = cursor.fetchone()
    return is_ours, row[0] if row else None
