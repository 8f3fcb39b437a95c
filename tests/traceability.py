"""What a test run has to do with the clauses: it keeps its results, and fails for a claim that no passing test shows.

Registered by conftest, on the controller only: with xdist the results of all workers come together there.
"""

import importlib.metadata
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mfg_project.validation import clauses, evidence

DISTRIBUTIONS = ("Django", "psycopg", "pytest", "pytest-django", "pytest-xdist")


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("traceability")
    group.addoption(
        "--test-results", type=Path, metavar="FILE", help="write the results here, also of a part of the tests"
    )
    group.addoption("--traceability", type=Path, metavar="FILE", default=clauses.TRACEABILITY, help="the clauses")


def register(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Traceability(config), "genba-traceability")


class Traceability:
    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.is_whole = is_whole(config)
        self.began = datetime.now(UTC)
        self.results: dict[str, dict[str, Any]] = {}
        self.gaps: list[tuple[clauses.Clause, str, str]] = []
        self.broken = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Set-up, call and teardown are one result: red in any of them is red."""
        result = self.results.setdefault(report.nodeid, {"outcome": evidence.PASSED, "duration": 0.0})
        result["duration"] = round(result["duration"] + report.duration, 4)
        if report.outcome != evidence.PASSED and result["outcome"] != evidence.FAILED:
            result["outcome"] = report.outcome

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        ended_by_itself = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not session.shouldfail
        is_whole = self.is_whole and ended_by_itself and not session.shouldstop
        wanted = self.config.getoption("--test-results")
        if (is_whole or wanted) and not self.config.option.collectonly:
            self.write(wanted or evidence.default_results(), is_whole)
        if not is_whole:
            return
        try:
            outcomes = evidence.worst({"test": test, **result} for test, result in self.results.items())
            self.gaps = evidence.gaps(clauses.load(self.config.getoption("--traceability")), outcomes)
        except (OSError, clauses.TraceabilityRefused) as why:
            self.broken = str(why)
        if (self.gaps or self.broken) and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.gaps and not self.broken:
            return
        terminalreporter.section("clauses without evidence", red=True)
        if self.broken:
            terminalreporter.write_line(self.broken)
        for clause, test, outcome in self.gaps:
            terminalreporter.write_line(f"{clause} is marked met, and {test} was {_said(outcome)}")

    def write(self, path: Path, is_whole: bool) -> None:
        content = {
            "format": evidence.FORMAT,
            "began": self.began.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "whole": is_whole,
            "commit": commit(self.config.rootpath),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "database": database_version(),
            "packages": {name: version(name) for name in DISTRIBUTIONS},
            "results": [{"test": test, **self.results[test]} for test in sorted(self.results)],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _said(outcome: str) -> str:
    return {evidence.FAILED: "red", evidence.SKIPPED: "skipped"}.get(outcome, outcome)


def is_whole(config: pytest.Config) -> bool:
    """Whether every test is asked for: no file, no -k, no -m, no selection of another kind."""
    option = config.option
    narrowing = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "collectonly", "maxfail", "stepwise")
    return config.args_source == pytest.Config.ArgsSource.TESTPATHS and not any(
        getattr(option, name, None) for name in narrowing
    )


def commit(root: Path) -> str:
    """The commit that was tested, with "+" when files differ from it; "" outside a repository."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + ("+" if changed else "")


def version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def database_version() -> str:
    try:
        with psycopg.connect(os.environ.get("DATABASE_URL", ""), connect_timeout=5) as connection:
            row = connection.execute("SELECT version()").fetchone()
    except psycopg.Error:
        return ""
    return row[0] if row else ""
