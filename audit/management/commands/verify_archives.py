import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.archive import verify_archives
from audit.context import act_as
from audit.models import Verdict
from audit.verification.verify import Verification

CODES = {Verdict.INTACT: 0, Verdict.ALTERED: 1, Verdict.UNCHECKED: 2}


class Command(BaseCommand):
    help = (
        "Read every archive of the journal again and keep the result.\n"
        "Exit code 0: all intact. 1: one was altered. 2: one could not be checked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--archive", action="append", type=Path, default=[], metavar="DIR",
                            help="a folder with archives; beside JOURNAL_ARCHIVE_DIR")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        worst = set()
        with act_as(Verification(), source="command:verify_archives"):
            checks = verify_archives(options["archive"])
        for check in checks:
            worst.add(CODES[Verdict(check.verdict)])
            self.stdout.write(f"{check.archive.name}: {check.verdict}")
            if check.verdict != Verdict.INTACT:
                self.stdout.write(f"      {check.detail}")
        if not worst:
            self.stdout.write("There is no archive.")
        if code := 1 if 1 in worst else max(worst, default=0):
            sys.exit(code)
