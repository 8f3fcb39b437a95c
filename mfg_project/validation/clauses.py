"""The clauses of `docs/compliance/traceability.yaml`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TRACEABILITY = Path(__file__).resolve().parents[2] / "docs" / "compliance" / "traceability.yaml"
TECHNICAL, PROCEDURAL, SHARED = "technical", "procedural", "shared"
KINDS = (TECHNICAL, PROCEDURAL, SHARED)
MET, PARTLY, NOT_YET = "met", "partly", "not yet"
STATUSES = (MET, PARTLY, NOT_YET)


class TraceabilityRefused(ValueError):
    """The file says something that means nothing; the message names the clause."""


@dataclass(frozen=True, slots=True)
class Clause:
    standard: str
    id: str
    title: str
    kind: str
    status: str
    requirement: str
    missing: str  # what is not there yet; "" when met
    plant: str  # what stays the plant's duty; "" when technical
    tests: tuple[str, ...]  # pytest node ids without parameters

    @property
    def needs_evidence(self) -> bool:
        """Claimed as met, and not by people alone: each of its tests has to pass."""
        return self.status == MET and self.kind != PROCEDURAL

    def __str__(self) -> str:
        return f"{self.standard} {self.id}"


def load(path: Path = TRACEABILITY) -> list[Clause]:
    """Every clause, in the order of the file. Raises TraceabilityRefused."""
    clauses = list(_clauses(yaml.safe_load(path.read_text(encoding="utf-8"))))
    seen: set[str] = set()
    for clause in clauses:
        _check(clause)
        if str(clause) in seen:
            raise TraceabilityRefused(f"{clause} is there twice")
        seen.add(str(clause))
    return clauses


def _clauses(standards: Any) -> Iterator[Clause]:
    for standard in standards:
        for given in standard["clauses"]:
            texts = {name: str(given.get(name) or "").strip() for name in Clause.__slots__ if name != "tests"}
            unknown = set(given) - set(Clause.__slots__) - {"standard"}
            if unknown:
                raise TraceabilityRefused(f"{standard['standard']} {texts['id']} has unknown {sorted(unknown)}")
            yield Clause(**texts | {"standard": standard["standard"]}, tests=tuple(given.get("tests") or ()))


def _check(clause: Clause) -> None:
    faults = {
        f"kind is none of {KINDS}": clause.kind not in KINDS,
        f"status is none of {STATUSES}": clause.status not in STATUSES,
        "title or requirement is empty": not clause.title or not clause.requirement,
        "it is met and says what is missing, or the other way round": (clause.status == MET) == bool(clause.missing),
        "it says nothing of the plant's duty": clause.kind != TECHNICAL and not clause.plant,
        "it is technical and names a duty of the plant": clause.kind == TECHNICAL and bool(clause.plant),
        "it is met without a test": clause.needs_evidence and not clause.tests,
        "it is not built and names tests": clause.status == NOT_YET and bool(clause.tests),
        "a test is there twice": len(set(clause.tests)) < len(clause.tests),
    }
    for fault, present in faults.items():
        if present:
            raise TraceabilityRefused(f"{clause}: {fault}")
