import argparse
import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.context import require
from audit.disposal import MOST, Disposal, dispose, look
from audit.management.commands._archiving import add_user, doing
from audit.queries.retention import overview
from audit.record_types import type_label


class Command(BaseCommand):
    help = (
        "Records past their years, by type. With --type and --before: what of one type would be disposed of, and what "
        "keeps the rest. With --dispose COUNT, the number just shown: dispose of them, with a reason. "
        f"A run looks at {MOST} records; repeat it for more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--type", metavar="TABLE", help="one record type, by the name in the first column")
        parser.add_argument("--before", type=_a_day, metavar="YYYY-MM-DD", help="last changed before this day (UTC)")
        parser.add_argument("--dispose", type=int, metavar="COUNT", help="delete them: so many, as just shown")
        parser.add_argument("--reason", default="", help="why; needed with --dispose")
        add_user(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        record_type, before, count = options["type"], options["before"], options["dispose"]
        if (record_type is None) != (before is None) or (count is not None and record_type is None):
            raise CommandError("--type and --before go together, and --dispose needs both.")
        with doing(options["user"], "retention_due"):
            if record_type is None:
                self._list()
            elif count is None:
                self._tell(record_type, look(record_type=record_type, before=before), "would be disposed of")
            else:
                done = dispose(record_type=record_type, before=before, reason=options["reason"], expected=count)
                self._tell(record_type, done, "were disposed of")

    def _list(self) -> None:
        require("audit.view_retentionpolicy")
        due = [row for row in overview() if row.past]
        for row in due:
            notes = ["under legal hold"] * row.is_held + ["written once, not disposed of"] * row.is_written_once
            said = "".join(f", {note}" for note in notes)
            self.stdout.write(f"{row.table}: {row.past_shown} past {row.years} years ({row.label}{said})")
        if not due:
            self.stdout.write("Nothing is past its years.")

    def _tell(self, record_type: str, found: Disposal, what: str) -> None:
        self.stdout.write(f"{type_label(record_type)}: {found.gone} {what}")
        for count, why in ((found.held, "under a legal hold"), (found.out_of_sight, "of lines you do not work on")):
            if count:
                self.stdout.write(f"  {count} stay: {why}")
        if found.needed:
            tables = ", ".join(f"{table} ({count})" for table, count in sorted((+found.needed_by).items()))
            self.stdout.write(f"  {found.needed} stay: other records point at them: {tables}")
        if not found.is_all:
            self.stdout.write(f"  there are more: only {found.looked_at} were looked at")


def _a_day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day like 2019-01-31") from None
