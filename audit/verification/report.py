"""What a verification found. English only: evidence has one language."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_FINDINGS = 100  # kept; the rest is counted
LOG, RECORDS, DATABASE = "log", "records", "database"
QUESTIONS = {
    LOG: "Is the log intact?",
    RECORDS: "Are the records intact?",
    DATABASE: "Does the database equal the log?",
}
INTACT, ALTERED, UNCHECKED = "intact", "altered", "not checked"
Progress = Callable[[str, int, int], None]  # what is being read, how far, of how much


def silent(_what: str, _done: int, _of: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Finding:
    question: str
    code: str
    message: str
    table: str = ""
    key: str = ""
    field: str = ""

    def __str__(self) -> str:
        place = " · ".join(filter(None, (self.table, self.key, self.field)))
        return f"{place}: {self.message}" if place else self.message


@dataclass
class Report:
    progress: Progress = silent
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)  # findings by question, those not kept included
    unchecked: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    entries: int = 0
    epoch: int = 0
    size: int = 0

    def add(self, question: str, code: str, message: str, table: str = "", key: str = "", field: str = "") -> None:
        self.counts[question] += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(question, code, message, table, key, field))

    def cannot(self, question: str, why: str) -> None:
        self.unchecked.setdefault(question, []).append(why)

    def verdict(self, question: str) -> str:
        if self.counts[question]:
            return ALTERED
        return UNCHECKED if question in self.unchecked or question not in self.asked else INTACT

    @property
    def exit_code(self) -> int:
        """0 intact, 1 altered, 2 something could not be checked."""
        if self.counts.total():
            return 1
        return 2 if self.unchecked or not self.asked else 0

    def as_json(self) -> list[dict[str, Any]]:
        cannot = [
            {"question": question, "code": "not_checked", "message": why, "table": "", "key": "", "field": ""}
            for question, reasons in self.unchecked.items()
            for why in reasons
        ]
        return ([asdict(finding) for finding in self.findings] + cannot)[:MOST_FINDINGS]
