"""Checkpoints seen outside the database. What they say is the truth, whatever the database says."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from psycopg.sql import SQL

from audit.checkpoint import Checkpoint, CheckpointRefused, PublicKey, open_checkpoint, parse_text
from audit.verification.log import Epoch
from audit.verification.report import LOG, Report
from audit.verification.session import Session
from audit.witness import each_note

AT_ONCE = 5_000


def expect(session: Session, epochs: list[Epoch], files: list[Path], report: Report) -> None:
    """Let every tree be compared with what the witnesses saw. A note that the database has as well adds nothing."""
    for path in files:
        try:
            notes = each_note(path)
            last: tuple[int, int] = (0, 0)
            while some := list(islice(notes, AT_ONCE)):
                for note in _unknown_here(session, some):
                    _expect(note, path, epochs, report)
                last = max(last, *map(_place, some))
        except (OSError, UnicodeDecodeError) as error:
            report.cannot(LOG, f"the witness {path} cannot be read: {error}")
            continue
        if last == (0, 0):
            report.cannot(LOG, f"the witness {path} holds no checkpoint")
        elif epochs and last < (epochs[-1].number, epochs[-1].size):
            report.remarks.append(f"The witness {path} ends at size {last[1]} of epoch {last[0]}.")


def _unknown_here(session: Session, notes: list[str]) -> Iterator[str]:
    query = SQL("SELECT note FROM {} WHERE note = ANY (%s) AND epoch = ANY (%s) AND size = ANY (%s)").format(
        session.table("journal_checkpoint")
    )
    places = {_place(note) for note in notes}
    epochs, sizes = list({epoch for epoch, _size in places}), list({size for _epoch, size in places})
    known = {note for (note,) in session.rows(query, notes, epochs, sizes)}
    return (note for note in notes if note not in known)


def _expect(note: str, path: Path, epochs: list[Epoch], report: Report) -> None:
    number, size = _place(note)
    if number == 0:
        report.remarks.append(f"The witness {path} holds lines that are no checkpoint.")
        return
    epoch = next((epoch for epoch in epochs if epoch.number == number), None)
    if epoch is None or size > epoch.size:
        have = f"ends at {epoch.size}" if epoch else "is not here"
        report.add(
            LOG,
            "checkpoint_regression",
            f"{path} saw {size} entries in epoch {number}, which {have}: "
            "the newest entries were removed, or an older backup was restored",
            "journal_checkpoint",
            str(size),
        )
        return
    checkpoint = _opened(note, epoch.key)
    if checkpoint is None:
        report.add(
            LOG,
            "witness_key",
            f"{path} holds a checkpoint of size {size} that the key of epoch {number} did not sign: "
            "the key was replaced, or the witness was damaged",
            "journal_epoch",
            f"epoch {number}",
            "public_key",
        )
        return
    epoch.expected.setdefault(checkpoint.size, []).append((checkpoint.root, f"the witness {path}"))


def _opened(note: str, key: PublicKey | None) -> Checkpoint | None:
    try:
        return open_checkpoint(note, key) if key else None
    except CheckpointRefused:
        return None


def _place(note: str) -> tuple[int, int]:
    """Epoch and size as the note tells them, whoever signed."""
    try:
        told = parse_text(note.partition("\n\n")[0] + "\n")
        return int(told.extension("epoch") or 0), told.size
    except (CheckpointRefused, ValueError):
        return 0, 0
