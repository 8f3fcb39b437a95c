import sys
import time
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.checkpoint import CheckpointRefused, PublicKey
from audit.verification.report import QUESTIONS, Report
from audit.verification.verify import verify

UNREADABLE = 2
MARKS = {"intact": "ok  ", "altered": "BAD ", "not checked": "?   "}


class Command(BaseCommand):
    help = (
        "Is the log intact, are the records intact, does the database equal the log?\n"
        "Exit code 0: intact. 1: something was altered. 2: something could not be checked."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--record", nargs=2, metavar=("TABLE", "KEY"), help="one record, with its proofs")
        parser.add_argument("--witness", action="append", type=Path, default=[], metavar="FILE",
                            help="checkpoints seen elsewhere; beside those of JOURNAL_WITNESS_FILES")  # fmt: skip
        parser.add_argument("--key", type=Path, metavar="FILE",
                            help="public keys from a trusted place, one a line; else the database's own")  # fmt: skip
        parser.add_argument("--archive", action="append", type=Path, default=[], metavar="DIR",
                            help="a folder with archived months; beside JOURNAL_ARCHIVE_DIR")  # fmt: skip
        parser.add_argument("--tables", nargs="+", default=[], metavar="TABLE", help="compare these tables only")
        parser.add_argument("--quick", action="store_true",
                            help="seals, witnesses, steps and triggers; no content of entries and rows")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        bar = Bar()
        report = verify(
            quick=options["quick"],
            tables=options["tables"],
            record=tuple(options["record"]) if options["record"] else None,
            witness=options["witness"],
            archives=options["archive"],
            keys=_keys(options["key"]) if options["key"] else [],
            progress=bar,
        )
        bar.clear()
        self._tell(report, time.monotonic() - begun)
        if report.exit_code:
            sys.exit(report.exit_code)

    def _tell(self, report: Report, seconds: float) -> None:
        for name in report.asked or QUESTIONS:
            verdict = report.verdict(name)
            self.stdout.write(f"{MARKS[verdict]}{QUESTIONS[name]} {verdict.capitalize()}.")
            for finding in report.findings:
                if finding.question == name:
                    self.stdout.write(f"      {finding}")
            for why in report.unchecked.get(name, []):
                self.stdout.write(f"      not checked: {why}")
        # What is found on the way to a record concerns the log as well.
        for finding in report.findings:
            if finding.question not in (report.asked or QUESTIONS):
                self.stdout.write(f"      {finding}")
        if (more := report.counts.total() - len(report.findings)) > 0:
            self.stdout.write(f"      and {more} more")
        for remark in report.remarks:
            self.stdout.write(f"note  {remark}")
        self.stdout.write(
            f"{report.entries} entries, epoch {report.epoch}, checkpoint of {report.size}, {seconds:.1f} s"
        )


class Bar:
    """Progress on a terminal; nothing in a log."""

    def __init__(self) -> None:
        self.shows, self.last = sys.stderr.isatty(), 0.0

    def __call__(self, what: str, done: int, of: int) -> None:
        if not self.shows or time.monotonic() - self.last < 0.2:
            return
        self.last = time.monotonic()
        share = f"[{'#' * (30 * done // of):<30}] {100 * done // of:>3} %" if of else ""
        sys.stderr.write(f"\r\x1b[K{what} {done:,} {share}")
        sys.stderr.flush()

    def clear(self) -> None:
        if self.shows:
            sys.stderr.write("\r\x1b[K")


def _keys(path: Path) -> list[PublicKey]:
    try:
        return [PublicKey.parse(line) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError, CheckpointRefused) as why:
        raise CommandError(f"{path}: {why}", returncode=UNREADABLE) from why
