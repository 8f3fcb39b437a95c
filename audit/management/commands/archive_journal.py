import datetime as dt
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from audit.archive import archive_month, months_before
from audit.management.commands._archiving import a_month, add_user, doing
from audit.months import detach_month


class Command(BaseCommand):
    help = (
        "Write months of the journal into files that prove themselves, verify them, and note them. With --detach the "
        "months leave the journal, oldest first, when their time has come; they stay beside it until they are dropped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--before", type=a_month, metavar="YYYY-MM", help="months before this one")
        which.add_argument("--older-than-years", type=int, metavar="N", help="months that ended N years ago")
        parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="where the files are written")
        parser.add_argument("--detach", action="store_true", help="take the months out of the journal")
        parser.add_argument("--reason", default="", help="why; needed with --detach")
        add_user(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["to"]
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder.")
        if options["detach"] and not options["reason"].strip():
            raise CommandError("Say with --reason why the months leave the journal.")
        end = options["before"] or _years_ago(options["older_than_years"])
        with doing(options["user"], "archive_journal"):
            months = months_before(end)
            for month in months:
                for archive in archive_month(month, to=folder, reason=options["reason"]):
                    self.stdout.write(f"{archive.name}: {archive.entries} entries, SHA-256 {archive.sha256}")
            for month in months if options["detach"] else []:
                table = detach_month(month, reason=options["reason"])
                self.stdout.write(f"{month:%Y-%m} left the journal and is kept as {table}")
        if not months:
            self.stdout.write("No month is that old.")


def _years_ago(years: int) -> dt.date:
    """The first month that is not older than this."""
    today = timezone.now().astimezone(dt.UTC).date()
    return dt.date(today.year - years, today.month, 1)
