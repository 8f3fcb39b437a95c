from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.archive import kept_months, verify_archives
from audit.management.commands._archiving import a_month, add_user, doing
from audit.months import drop_month


class Command(BaseCommand):
    help = (
        "Drop months that left the journal, when the longest retention has passed. Their archives are read again "
        "first; from then on they are all there is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--before", type=a_month, required=True, metavar="YYYY-MM", help="months before this one")
        parser.add_argument("--archive", action="append", type=Path, default=[], metavar="DIR",
                            help="a folder with archives; beside JOURNAL_ARCHIVE_DIR")  # fmt: skip
        parser.add_argument("--reason", required=True, help="why")
        add_user(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with doing(options["user"], "drop_archived_months"):
            months = [month for month in kept_months() if month < options["before"]]
            verify_archives(options["archive"], months=months)
            for month in months:
                count = drop_month(month, reason=options["reason"])
                self.stdout.write(f"{month:%Y-%m}: {count} entries are in the archive only")
        if not months:
            self.stdout.write("No month before that is kept beside the journal.")
