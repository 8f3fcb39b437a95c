import getpass
import json
import socket
import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mfg_project.validation.evidence import default_results
from mfg_project.validation.pack import as_pdf
from mfg_project.validation.report import ValidationReport, as_json, as_text, make_report, summary

FORMATS = ("text", "json", "pdf")


class Command(BaseCommand):
    help = (
        "Clause -> requirement -> tests with the outcome of a run, and the checks of this installation, executed now.\n"
        "Exit code 0: all is shown. 1: a clause marked met lacks a passing test. 2: only the installation differs."
    )
    requires_system_checks: list[str] = []  # they are part of the report

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--results", type=Path, default=default_results(), metavar="FILE",
                            help="results of a test run; if left out, of the last whole one here")  # fmt: skip
        parser.add_argument("--format", choices=FORMATS, default="text")
        parser.add_argument("--to", type=Path, metavar="DIR", help="write a file there instead of the terminal")
        parser.add_argument(
            "--by", default="", metavar="NAME", help="who makes it; the account of the machine if left out"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted, folder = options["format"], options["to"]
        report = make_report(options["results"], by=options["by"] or f"{getpass.getuser()} on {socket.gethostname()}")
        content = _content(report, wanted)
        if folder is None and wanted == "pdf":
            folder = Path.cwd()
        if folder is None:
            self.stdout.write(content.decode())
        else:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"validation-{report.made_at:%Y%m%dT%H%M%SZ}.{'txt' if wanted == 'text' else wanted}"
            path.write_bytes(content)
            self.stdout.write("\n".join([*summary(report), str(path)]))
        if report.exit_code:
            sys.exit(report.exit_code)


def _content(report: ValidationReport, wanted: str) -> bytes:
    if wanted == "pdf":
        return as_pdf(report)
    text = json.dumps(as_json(report), indent=1, ensure_ascii=False) if wanted == "json" else "\n".join(as_text(report))
    return text.encode()
