"""The validation report: clauses, their tests with the outcome of a run, and the checks of the installation.

English only: evidence has one language.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from mfg_project.validation import iq
from mfg_project.validation.clauses import NOT_YET, PARTLY, PROCEDURAL, Clause, load
from mfg_project.validation.evidence import PASSED, ResultsUnreadable, TestRun, gaps, read_results

SHOWN, NOT_SHOWN, ELSEWHERE = "shown", "not shown", "the plant's"
MOST_GAPS = 20
EVIDENCE_LACKS, INSTALLATION_DIFFERS = 1, 2


@dataclass(frozen=True, slots=True)
class ValidationReport:
    made_at: dt.datetime
    made_by: str
    system: str
    database: str
    clauses: list[Clause]
    checks: list[iq.Check]
    run: TestRun | None
    why_no_run: str

    @property
    def gaps(self) -> list[tuple[Clause, str, str]]:
        return gaps(self.clauses, self.run.outcomes if self.run else {})

    @property
    def open_clauses(self) -> list[Clause]:
        """What is not built, or in part only."""
        return [clause for clause in self.clauses if clause.missing]

    @property
    def failed_checks(self) -> list[iq.Check]:
        return [check for check in self.checks if check.result != iq.OK]

    @property
    def exit_code(self) -> int:
        """1: a clause that claims to be met lacks passing evidence. 2: only the installation is not as it has to be."""
        if self.gaps:
            return EVIDENCE_LACKS
        return INSTALLATION_DIFFERS if self.failed_checks else 0

    def outcome(self, test: str) -> str:
        return self.run.of(test) if self.run else "no run"

    def verdict(self, clause: Clause) -> str:
        if clause.status in (PARTLY, NOT_YET):
            return clause.status
        if clause.kind == PROCEDURAL:
            return ELSEWHERE
        return SHOWN if all(self.outcome(test) == PASSED for test in clause.tests) else NOT_SHOWN


def make_report(results: Path, *, by: str) -> ValidationReport:
    run, why_no_run = None, ""
    try:
        run = read_results(results)
    except ResultsUnreadable as why:
        why_no_run = str(why)
    return ValidationReport(
        made_at=timezone.now(),
        made_by=by,
        system=f"Genba {settings.GENBA_VERSION}, mode {settings.MODE}",
        database=_database(),
        clauses=load(),
        checks=iq.check_installation(),
        run=run,
        why_no_run=why_no_run,
    )


def as_json(report: ValidationReport) -> dict[str, Any]:
    return {
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "made_by": report.made_by,
        "system": report.system,
        "database": report.database,
        "exit_code": report.exit_code,
        "test_run": {**report.run.facts, "counts": report.run.counts} if report.run else {"missing": report.why_no_run},
        "clauses": [
            asdict(clause)
            | {"verdict": report.verdict(clause), "tests": {test: report.outcome(test) for test in clause.tests}}
            for clause in report.clauses
        ],
        "gaps": [{"clause": str(clause), "test": test, "outcome": outcome} for clause, test, outcome in report.gaps],
        "installation": [asdict(check) for check in report.checks],
    }


def as_text(report: ValidationReport) -> Iterator[str]:
    yield f"Validation report · {report.system}"
    yield f"{report.database}; made {report.made_at:%Y-%m-%d %H:%M} UTC by {report.made_by}"
    yield f"Tests: {run_in_words(report)}"
    standard = ""
    for clause in report.clauses:
        if clause.standard != standard:
            standard = clause.standard
            yield f"\n{standard}"
        yield f"{report.verdict(clause):<11} {clause.id:<15} {clause.title} ({clause.kind})"
        yield f"{'':27} {clause.requirement}"
        for label, words in (("missing", clause.missing), ("the plant", clause.plant)):
            if words:
                yield f"{'':27} {label}: {words}"
        yield from (f"{'':27} {report.outcome(test):<8} {test}" for test in clause.tests)
    yield "\nInstallation"
    for check in report.checks:
        wanted = "" if check.result == iq.OK else f" (expected {check.expected})"
        yield f"{check.result:<11} {check.group:<10} {check.name}: {check.found}{wanted}"
    yield ""
    yield from summary(report)


def run_in_words(report: ValidationReport) -> str:
    if report.run is None:
        return report.why_no_run
    facts, counts = report.run.facts, report.run.counts
    part = "the whole suite" if facts.get("whole") else "a part of the suite only"
    numbers = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
    return f"{part}, {numbers}; ended {facts.get('ended')}, commit {facts.get('commit') or 'not known'}"


def summary(report: ValidationReport) -> Iterator[str]:
    numbers: dict[str, int] = {}
    for clause in report.clauses:
        numbers[report.verdict(clause)] = numbers.get(report.verdict(clause), 0) + 1
    yield f"{len(report.clauses)} clauses: " + ", ".join(f"{number} {verdict}" for verdict, number in numbers.items())
    yield from _gaps(report)
    failed = len(report.failed_checks)
    yield f"{len(report.checks)} checks of the installation" + (
        f", {failed} not as expected" if failed else ", all as expected"
    )


def _gaps(report: ValidationReport) -> Iterator[str]:
    """Each test that lacks; of many, their number for each clause: the matrix has them all."""
    if len(report.gaps) <= MOST_GAPS:
        yield from (f"GAP {clause} is marked met, and {test}: {outcome}" for clause, test, outcome in report.gaps)
        return
    lacking = Counter(str(clause) for clause, _test, _outcome in report.gaps)
    for clause in report.clauses:
        if number := lacking[str(clause)]:
            yield f"GAP {clause} is marked met, and {number} of its {len(clause.tests)} tests did not pass"


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_database(), current_setting('server_version')")
            name, version = cursor.fetchone()
    except DatabaseError as why:
        return f"database not reached: {str(why).strip()}"
    return f"database {name} on PostgreSQL {version}"
