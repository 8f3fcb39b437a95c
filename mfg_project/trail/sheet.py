"""The newest checkpoint as something to take away: a code that holds the signed note, and what it says in words."""

import hashlib
from dataclasses import dataclass

from audit.queries.seal_state import SealState
from mfg_project.common.formats import both_zones, number
from mfg_project.reports.qr import qr_inline


@dataclass(frozen=True, slots=True)
class Sheet:
    origin: str
    epoch: int
    size: str  # entries it covers
    sealed_at: str
    note: str
    pending: int  # entries that waited for their seal when this was asked

    @property
    def qr(self) -> str:
        return qr_inline(self.note)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.note.encode()).hexdigest()


def sheet_of(state: SealState) -> Sheet | None:
    """None: nothing is sealed yet."""
    if not state.note:
        return None
    sealed_at = both_zones(state.sealed_at) if state.sealed_at else ""
    return Sheet(state.origin, state.epoch, number(state.size), sealed_at, state.note, state.pending)
