"""Is a checkpoint somebody kept (a witness file, an e-mail, a sheet of paper) the beginning of this log?"""

import re
from dataclasses import dataclass

from django.db import connection
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from audit.checkpoint import Checkpoint, CheckpointRefused, PublicKey, open_checkpoint, parse_text
from audit.merkle import TiledTree, TileMissing, verify_consistency
from audit.queries.seal_state import epoch_head
from audit.sealing import StoredTiles

QUOTED = re.compile(r"^(?:> ?)+", re.M)
DASH = re.compile(r"^(?:—|–|--?|â€”|\?) (?=\S+ [A-Za-z0-9+/]{80,}={0,2}$)", re.M)


class Outcome(TextChoices):
    AGREES = "agrees", _("Intact: this log still begins with what the checkpoint certifies")
    REGRESSION = "regression", _("Entries are missing: the checkpoint certifies more than there is now")
    DIFFERS = "differs", _("Altered: the checkpoint is not the beginning of this log")
    OTHER_KEY = "other_key", _("Signed by another key than this log's, or damaged")
    UNREADABLE = "unreadable", _("This is no signed checkpoint")


@dataclass(frozen=True, slots=True)
class Comparison:
    outcome: Outcome
    epoch: int = 0
    told: Checkpoint | None = None  # what the kept note says; not to be believed unless the outcome says so
    size: int = 0  # of the log it was compared with
    is_proof_incomplete: bool = False  # a stored tile is missing

    @property
    def is_good(self) -> bool:
        return self.outcome is Outcome.AGREES


def compare(note: str) -> Comparison:
    """The note's signature, then whether its tree is the beginning of the newest one of its epoch."""
    try:
        told = parse_text(note.partition("\n\n")[0] + "\n")
        epoch = int(told.extension("epoch") or 0)
    except (CheckpointRefused, ValueError):
        return Comparison(Outcome.UNREADABLE)
    head = epoch_head(epoch) if epoch < 2**31 else None
    if head is None:
        return Comparison(Outcome.REGRESSION, epoch, told)
    try:
        kept = open_checkpoint(note, PublicKey.parse(head["public_key"]))
    except CheckpointRefused:
        return Comparison(Outcome.OTHER_KEY, epoch, told)
    if not kept.size:  # no sealer signs an empty log
        return Comparison(Outcome.UNREADABLE)
    if head["size"] is None or kept.size > head["size"]:
        return Comparison(Outcome.REGRESSION, epoch, kept, head["size"] or 0)
    try:
        outcome = Outcome.AGREES if _is_beginning(kept, epoch, head["size"], bytes(head["root"])) else Outcome.DIFFERS
    except TileMissing:
        return Comparison(Outcome.DIFFERS, epoch, kept, head["size"], is_proof_incomplete=True)
    return Comparison(outcome, epoch, kept, head["size"])


def as_kept(text: str) -> str:
    """The note in a text that was mailed, pasted or scanned: line ends, quoting and the dash may have suffered.

    Nothing that is signed is mended; a text that was changed there is refused by its signature.
    """
    text = QUOTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", ""))
    text = DASH.sub("— ", "\n".join(line.rstrip() for line in text.strip().split("\n")))
    return f"{text}\n"


def _is_beginning(kept: Checkpoint, epoch: int, size: int, root: bytes) -> bool:
    tree = TiledTree(StoredTiles(connection, epoch), size)
    return verify_consistency(kept.size, size, kept.root, root, tree.consistency_proof(kept.size))
