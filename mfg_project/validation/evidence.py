"""The results of a test run, and what they say about a clause."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfg_project.validation.clauses import Clause

PASSED, FAILED, SKIPPED, NOT_RUN = "passed", "failed", "skipped", "not run"
WORST_FIRST = (FAILED, SKIPPED, PASSED)
FORMAT = 1


class ResultsUnreadable(ValueError):
    """There are no results, or of another form; the message says which file."""


@dataclass(frozen=True, slots=True)
class TestRun:
    """One run: what each test came to, and what it ran on."""

    __test__ = False

    outcomes: Mapping[str, str]  # node id without parameters -> the worst of its parameters
    facts: Mapping[str, Any]  # versions, database, date, commit, whether the whole suite ran

    def of(self, test: str) -> str:
        return self.outcomes.get(test, NOT_RUN)

    @property
    def counts(self) -> dict[str, int]:
        return {outcome: list(self.outcomes.values()).count(outcome) for outcome in (PASSED, FAILED, SKIPPED)}


def default_results() -> Path:
    """Where a whole run of the tests leaves its results: among what this checkout remembers."""
    return Path(os.environ.get("GENBA_STATE") or Path(__file__).resolve().parents[2] / ".genba") / "test-results.json"


def without_parameters(node_id: str) -> str:
    return node_id.split("[", 1)[0]


def worst(results: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The worst outcome of each test over its parameters: one that was skipped shows nothing of its case."""
    found: dict[str, str] = {}
    for result in results:
        test, outcome = without_parameters(result["test"]), result["outcome"]
        found[test] = min(outcome, found.get(test, PASSED), key=WORST_FIRST.index)
    return found


def read_results(path: Path) -> TestRun:
    """Raises ResultsUnreadable."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}")
        return TestRun(worst(found["results"]), {k: v for k, v in found.items() if k != "results"})
    except OSError as why:
        raise ResultsUnreadable(f"No test results: {why.strerror or why} ({path}). `make test` writes them.") from None
    except (ValueError, KeyError, TypeError) as why:
        raise ResultsUnreadable(f"{path} holds no test results of this form: {why}") from None


def gaps(clauses: Iterable[Clause], outcomes: Mapping[str, str]) -> list[tuple[Clause, str, str]]:
    """(clause, test, outcome) wherever a clause that claims to be met lacks passing evidence."""
    return [
        (clause, test, outcomes.get(test, NOT_RUN))
        for clause in clauses
        if clause.needs_evidence
        for test in clause.tests
        if outcomes.get(test, NOT_RUN) != PASSED
    ]
