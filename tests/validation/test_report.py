"""The report: each clause with its tests and their outcome, as text, JSON and PDF, and an exit code that says it."""

import io
import json

import pytest
import yaml
from django.core.management import call_command

from mfg_project.validation import clauses, report
from mfg_project.validation.iq import FAILED, OK, Check
from tests.reports.pdfa import faults, text_of

GOOD, BAD = "tests/test_a.py::test_good", "tests/test_a.py::test_bad"
CLAUSES: list[dict[str, object]] = [
    {"id": "1", "title": "Title one", "kind": "technical", "status": "met", "requirement": "Does one.",
     "tests": [GOOD, BAD]},
    {"id": "2", "title": "Title two", "kind": "shared", "status": "partly", "requirement": "Does two.",
     "missing": "half", "plant": "the other half", "tests": [GOOD]},
    {"id": "3", "title": "Title three", "kind": "procedural", "status": "not yet", "requirement": "Does three.",
     "missing": "all", "plant": "do it", "tests": []},
]  # fmt: skip


@pytest.fixture(autouse=True)
def _a_small_world(monkeypatch, tmp_path):
    """Three clauses, and an installation of one check: the real ones have tests of their own."""
    path = tmp_path / "clauses.yaml"
    path.write_text(yaml.safe_dump([{"standard": "Rule 11", "clauses": CLAUSES}]))
    monkeypatch.setattr(report, "load", lambda: clauses.load(path))
    monkeypatch.setattr(report.iq, "check_installation", lambda: [Check("Group", "check", "yes", "yes", OK)])
    monkeypatch.setattr(report, "_database", lambda: "database x")


@pytest.fixture
def results(tmp_path):
    def write(**outcomes: str):
        path = tmp_path / "results.json"
        rows = [
            {"test": f"tests/test_a.py::{name}[1]", "outcome": outcome, "duration": 0.1}
            for name, outcome in outcomes.items()
        ]
        path.write_text(
            json.dumps({"format": 1, "whole": True, "commit": "abc", "ended": "2026-01-31", "results": rows})
        )
        return path

    return write


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("validation_report", *map(str, arguments), stdout=out)
    except SystemExit as end:
        return int(end.code), out.getvalue()
    return 0, out.getvalue()


def test_the_matrix_has_each_clause_with_its_tests_and_their_outcome(results):
    code, text = run("--results", results(test_good="passed", test_bad="passed"))

    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert code == 0
    assert "shown 1 Title one (technical)" in lines
    assert "partly 2 Title two (shared)" in lines
    assert "not yet 3 Title three (procedural)" in lines
    assert f"passed {BAD}" in lines
    assert {"missing: half", "the plant: the other half", "Does one."} <= set(lines)
    assert "ok Group check: yes" in lines


@pytest.mark.parametrize(("outcome", "said"), [("failed", "failed"), ("skipped", "skipped"), (None, "not run")])
def test_a_claim_without_passing_evidence_is_exit_code_1(results, outcome, said):
    outcomes = {"test_good": "passed"} | ({"test_bad": outcome} if outcome else {})

    code, text = run("--results", results(**outcomes))

    assert code == 1
    assert f"GAP Rule 11 1 is marked met, and {BAD}: {said}" in text
    assert "not shown   1" in text


def test_many_gaps_are_told_by_clause(results, monkeypatch):
    monkeypatch.setattr(report, "MOST_GAPS", 0)

    _code, text = run("--results", results(test_good="passed"))

    assert "GAP Rule 11 1 is marked met, and 1 of its 2 tests did not pass" in text


def test_without_results_nothing_is_shown(tmp_path):
    code, text = run("--results", tmp_path / "none.json")

    assert code == 1
    assert "No test results" in text
    (tmp_path / "broken.json").write_text('{"format": 99, "results": []}')
    code, text = run("--results", tmp_path / "broken.json")
    assert code == 1
    assert "no test results of this form" in text


def test_an_installation_that_differs_is_exit_code_2(results, monkeypatch):
    monkeypatch.setattr(report.iq, "check_installation", lambda: [Check("Group", "check", "yes", "no", FAILED)])

    code, text = run("--results", results(test_good="passed", test_bad="passed"))

    assert code == 2
    assert "check: no (expected yes)" in text
    assert run("--results", results(test_good="passed"))[0] == 1  # evidence first


def test_the_json_says_the_same(results):
    code, text = run("--format", "json", "--by", "QA", "--results", results(test_good="passed", test_bad="failed"))
    said = json.loads(text)

    assert (code, said["exit_code"], said["made_by"]) == (1, 1, "QA")
    assert [(each["id"], each["verdict"]) for each in said["clauses"]] == [
        ("1", "not shown"),
        ("2", "partly"),
        ("3", "not yet"),
    ]
    assert said["clauses"][0]["tests"] == {GOOD: "passed", BAD: "failed"}
    assert said["gaps"] == [{"clause": "Rule 11 1", "test": BAD, "outcome": "failed"}]
    assert said["test_run"]["counts"] == {"passed": 1, "failed": 1, "skipped": 0}
    assert said["installation"][0]["result"] == "ok"


def test_a_file_is_written_where_it_is_asked_for(results, tmp_path):
    code, text = run(
        "--format", "json", "--to", tmp_path / "pack", "--results", results(test_good="passed", test_bad="passed")
    )

    (file,) = (tmp_path / "pack").iterdir()
    assert code == 0
    assert str(file) in text
    assert json.loads(file.read_text())["exit_code"] == 0


def test_the_pack_is_an_archivable_pdf_with_all_of_it(results, tmp_path):
    code, _text = run("--format", "pdf", "--by", "佐藤 QA", "--to", tmp_path, "--results", results(test_good="passed"))

    (file,) = tmp_path.glob("validation-*.pdf")
    pdf = file.read_bytes()
    words = "".join(text_of(pdf).split())  # a long name is broken where the column ends
    assert code == 1
    assert faults(pdf) == []
    for said in (
        "佐藤 QA", "This installation is not shown to be as it has to be", "Does two.", "Missing: half",
        "The plant: the other half", GOOD, BAD, "not run", "3 Installation qualification, executed", "Group", "abc",
    ):  # fmt: skip
        assert said.replace(" ", "") in words, said
