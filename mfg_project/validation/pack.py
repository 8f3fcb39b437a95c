"""The report as the beginning of a validation pack on paper: cover, requirements, matrix, executed IQ and OQ."""

from collections.abc import Iterator

from django.utils.translation import override

from mfg_project.reports.document import (
    Banner,
    Block,
    Card,
    Cell,
    Column,
    Document,
    Fields,
    Heading,
    Table,
    Text,
    pdf_of,
)
from mfg_project.validation import iq
from mfg_project.validation.clauses import Clause
from mfg_project.validation.evidence import PASSED
from mfg_project.validation.report import ValidationReport, run_in_words, summary

SIGNED_BY = ("Author", "Reviewed by (quality)", "Approved by (system owner)")


def as_pdf(report: ValidationReport) -> bytes:
    with override("en"):
        return pdf_of(_document(report), at=report.made_at)


def _document(report: ValidationReport) -> Document:
    made = f"{report.made_at:%Y-%m-%d %H:%M} UTC"
    return Document(
        title="Validation report",
        kind="Validation pack",
        identification=f"{report.system}, {made}",
        made=f"Made {made} by {report.made_by}",
        blocks=list(_blocks(report)),
    )


def _blocks(report: ValidationReport) -> Iterator[Block]:
    yield from _cover(report)
    yield Heading("1  Requirements")
    yield Text("What Genba does for each clause, what is missing, and what stays the plant's duty.", quiet=True)
    for standard in dict.fromkeys(clause.standard for clause in report.clauses):
        yield Heading(standard, level=2)
        yield Table(
            [Column("Clause", mm=38), Column("Requirement", width=5), Column("Kind", mm=17), Column("Status", mm=15)],
            [_requirement(clause) for clause in report.clauses if clause.standard == standard],
        )
    yield Heading("2  Matrix: clause, tests, outcome")
    yield Table([Column("Clause", mm=30), Column("Test", width=5), Column("Outcome", mm=16)], list(_matrix(report)))
    yield Heading("3  Installation qualification, executed")
    yield from _installation(report)
    yield Heading("4  Operational qualification: the tests of this version, executed")
    yield from _tests(report)


def _cover(report: ValidationReport) -> Iterator[Block]:
    if report.exit_code:
        yield Banner("This installation is not shown to be as it has to be", "See the lines below, and parts 2 and 3.")
    yield Fields(
        [
            ("System", report.system),
            ("Database", report.database),
            ("Made", f"{report.made_at:%Y-%m-%d %H:%M:%S} UTC"),
            ("Made by", report.made_by),
            ("Tests", run_in_words(report)),
        ]
    )
    yield from (Text(line) for line in summary(report))
    yield Text(
        "Genba supports the rules named here. Whether the plant meets them depends on its procedures and on the"
        " validation of its intended use as well; this report is the beginning of that file.",
        quiet=True,
    )
    for role in SIGNED_BY:
        yield Card(role, [("Name", "________________________"), ("Date and signature", "________________________")])


def _requirement(clause: Clause) -> list[Cell | str]:
    more = [f"Missing: {clause.missing}"] * bool(clause.missing) + [f"The plant: {clause.plant}"] * bool(clause.plant)
    return [
        Cell(clause.id, small=clause.title),
        Cell(clause.requirement, small=" ".join(more)),
        clause.kind,
        clause.status,
    ]


def _matrix(report: ValidationReport) -> Iterator[list[Cell | str]]:
    for clause in report.clauses:
        yield [Cell(clause.id, small=clause.standard), f"{clause.title}: {report.verdict(clause)}", ""]
        for test in clause.tests:
            yield ["", test, report.outcome(test)]


def _installation(report: ValidationReport) -> Iterator[Block]:
    for group in dict.fromkeys(check.group for check in report.checks):
        checks = [check for check in report.checks if check.group == group]
        yield Heading(group, level=2)
        yield Table(
            [Column("Check", width=4), Column("Expected", width=3), Column("Found", width=4), Column("Result", mm=18)],
            [[check.name, check.expected, check.found, _said(check.result)] for check in checks],
        )


def _said(result: str) -> str:
    return result if result == iq.OK else result.upper()


def _tests(report: ValidationReport) -> Iterator[Block]:
    if report.run is None:
        yield Banner("No test results", report.why_no_run)
        return
    facts = {
        name: str(value) for name, value in report.run.facts.items() if value not in ("", None) and name != "format"
    }
    yield Fields(sorted(facts.items()))
    files: dict[str, list[str]] = {}
    for test, outcome in report.run.outcomes.items():
        files.setdefault(test.partition("::")[0], []).append(outcome)
    yield Table(
        [Column("Tests of", width=5), *(Column(name, mm=18, right=True) for name in report.run.counts)],
        [[file, *(str(found.count(name)) for name in report.run.counts)] for file, found in sorted(files.items())],
    )
    others = sorted(f"{test}: {outcome}" for test, outcome in report.run.outcomes.items() if outcome != PASSED)
    if others:
        yield Heading("Not passed", level=2)
        yield from (Text(line) for line in others)
