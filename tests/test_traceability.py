"""The clauses name tests that exist, and a whole run fails for a claim that no passing test shows."""

import ast
import json
from functools import cache
from pathlib import Path

import pytest
import yaml

from mfg_project.validation.clauses import NOT_YET, PROCEDURAL, Clause, TraceabilityRefused, load

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parent.parent
CLAUSES = {
    "21 CFR Part 11": "11.10(a) 11.10(b) 11.10(c) 11.10(d) 11.10(e) 11.10(f) 11.10(g) 11.10(h) 11.10(i) 11.10(j) "
    "11.10(k) 11.30 11.50(a) 11.50(b) 11.70 11.100(a) 11.100(b) 11.100(c) 11.200(a)(1) 11.200(a)(2) "
    "11.200(a)(3) 11.200(b) 11.300(a) 11.300(b) 11.300(c) 11.300(d) 11.300(e)",
    "EU GMP Annex 11 (2011)": "1 2 3 4 4.8 5 6 7 8.1 8.2 9 10 11 12.1 12.3 12.4 13 14 15 16 17",
    "ALCOA+": "Attributable Legible Contemporaneous Original Accurate Complete Consistent Enduring Available Traceable",
    "ISO 9001:2015": "7.5.1 7.5.2 7.5.3.1 7.5.3.2",
}
PROJECT = {
    "pytest.ini": "[pytest]\ntestpaths = tests\n",
    "tests/conftest.py": """
        from tests import traceability

        pytest_addoption = traceability.add_options
        pytest_configure = traceability.register
    """,
    "tests/test_it.py": """
        import pytest

        @pytest.mark.parametrize("n", [1, 2])
        def test_good(n):
            pass

        @pytest.mark.parametrize("n", [1, 2])
        def test_half(n):
            if n == 2:
                pytest.skip("not here")

        class TestClass:
            def test_inside(self):
                pass
    """,
}


@cache
def defined(path: Path) -> set[str]:
    """Names of the tests of a file, as node ids write them."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inside = [(f"{node.name}::", each) for each in node.body] if isinstance(node, ast.ClassDef) else [("", node)]
        found |= {
            f"{where}{each.name}" for where, each in inside if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }
    return found


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    path = ROOT / file
    return path.is_file() and name.rpartition("::")[2].startswith("test_") and name in defined(path)


def test_every_clause_is_there_once():
    found: dict[str, list[str]] = {}
    for clause in load():
        found.setdefault(clause.standard, []).append(clause.id)

    assert {standard: " ".join(ids) for standard, ids in found.items()} == CLAUSES


def test_every_test_that_is_named_exists():
    named = {test for clause in load() for test in clause.tests}

    assert len(named) > 80
    assert sorted(test for test in named if not exists(test)) == []
    assert not exists("tests/test_traceability.py::test_there_is_none")
    assert not exists("tests/test_nowhere.py::test_every_clause_is_there_once")


def test_nobody_is_promised_conformity():
    """Software supplies controls; whether a plant complies is the plant's to show."""
    for file in (ROOT / "docs" / "compliance").iterdir():
        assert "compliant" not in file.read_text(encoding="utf-8").lower(), file


def clause(**changes: object) -> dict[str, object]:
    good = {
        "id": "1",
        "title": "T",
        "kind": "technical",
        "status": "met",
        "requirement": "R",
        "tests": ["tests/test_it.py::test_good"],
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def file_of(tmp_path: Path, *clauses: dict[str, object]) -> Path:
    path = tmp_path / "clauses.yaml"
    path.write_text(yaml.safe_dump([{"standard": "S", "clauses": list(clauses)}]))
    return path


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "other"}, "kind"),
        ({"status": "done"}, "status"),
        ({"requirement": ""}, "requirement"),
        ({"tests": []}, "without a test"),
        ({"missing": "something"}, "missing"),
        ({"status": "partly"}, "missing"),
        ({"status": "not yet", "missing": "all"}, "names tests"),
        ({"kind": "shared"}, "duty"),
        ({"plant": "nothing"}, "duty"),
        ({"tests": ["a::test_b", "a::test_b"]}, "twice"),
        ({"clause": "1"}, "unknown"),
    ],
)
def test_a_clause_that_contradicts_itself_is_refused(tmp_path, changes, why):
    assert load(file_of(tmp_path, clause()))[0].needs_evidence
    with pytest.raises(TraceabilityRefused, match=why):
        load(file_of(tmp_path, clause(**changes)))


def test_a_clause_is_there_once(tmp_path):
    with pytest.raises(TraceabilityRefused, match="twice"):
        load(file_of(tmp_path, clause(), clause()))


@pytest.fixture
def run(pytester, monkeypatch):
    """`run(clauses, arguments)` runs a project of its own with the plugin."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("GENBA_STATE", str(pytester.path / "kept"))
    for name in ("DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    (pytester.path / "tests").mkdir()
    for name, text in PROJECT.items():
        path = pytester.path / name
        path.write_text("\n".join(line.removeprefix("        ") for line in text.splitlines()))

    def runs(clauses: list[dict[str, object]], *arguments: str):
        path = file_of(pytester.path, *clauses)
        return pytester.runpytest_subprocess(
            "-p", "no:django", "-p", "no:cacheprovider", f"--traceability={path}", *arguments
        )

    return runs


INSIDE, HALF = "tests/test_it.py::TestClass::test_inside", "tests/test_it.py::test_half"
RED = "tests/test_red.py::test_red"
CLAIMS = {
    "none of its tests is there": clause(tests=["tests/test_it.py::test_gone"]),
    "one case was skipped": clause(tests=["tests/test_it.py::test_good", HALF]),
    "shared": clause(kind="shared", plant="P", tests=[HALF]),
}
NO_CLAIMS = [
    clause(id="1", tests=["tests/test_it.py::test_good", INSIDE]),
    clause(id="2", status="partly", missing="M", tests=[HALF]),
    clause(id="3", status="not yet", missing="M", tests=None),
    clause(id="4", kind="procedural", plant="P", tests=[HALF]),
]


@pytest.mark.parametrize(("claim", "workers"), [*((claim, "0") for claim in CLAIMS), ("one case was skipped", "2")])
def test_a_run_fails_for_a_met_clause_without_passing_evidence(run, claim, workers):
    result = run([CLAIMS[claim]], "-n", workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*clauses without evidence*", "S 1 is marked met, and tests/test_it.py::*"])


def test_a_run_passes_when_every_claim_is_shown_and_keeps_its_results(run, pytester):
    result = run(NO_CLAIMS, "-n", "2")

    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    kept = json.loads((pytester.path / "kept" / "test-results.json").read_text())
    assert kept["whole"]
    assert {each["test"]: each["outcome"] for each in kept["results"]} == {
        "tests/test_it.py::test_good[1]": "passed",
        "tests/test_it.py::test_good[2]": "passed",
        "tests/test_it.py::test_half[1]": "passed",
        "tests/test_it.py::test_half[2]": "skipped",
        INSIDE: "passed",
    }
    assert all(each["duration"] >= 0 for each in kept["results"])
    assert {"python", "database", "commit", "packages", "began", "ended"} <= set(kept)


def test_a_red_test_is_no_evidence(run, pytester):
    (pytester.path / "tests" / "test_red.py").write_text("def test_red():\n    assert False\n")

    result = run([clause(tests=[RED])])

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"S 1 is marked met, and {RED} was red"])


@pytest.mark.parametrize("arguments", [["tests/test_it.py"], ["-k", "good"], ["-m", "not slow"], ["--deselect", HALF]])
def test_a_part_of_the_tests_is_not_bothered_and_overwrites_nothing(run, pytester, arguments):
    result = run([CLAIMS["none of its tests is there"]], *arguments)

    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    assert not (pytester.path / "kept").exists()


def test_a_part_may_keep_its_results_elsewhere(run, pytester):
    run(NO_CLAIMS, "-k", "good", "--test-results=some.json")

    assert not json.loads((pytester.path / "some.json").read_text())["whole"]


def test_procedures_and_what_is_not_built_need_no_test():
    assert not Clause("S", "1", "T", PROCEDURAL, "met", "R", "", "P", ()).needs_evidence
    assert not Clause("S", "1", "T", "technical", NOT_YET, "R", "M", "", ()).needs_evidence
