from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from production.services.kpi import refresh_kpis


class Command(BaseCommand):
    help = "Recomputes the key figures of the days that changed and refreshes the view on top of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--everything",
            action="store_true",
            help="every day since the first fact: after a change of time zone, day start or planned reasons",
        )

    def handle(self, *args: Any, everything: bool, **options: Any) -> None:
        refresh = refresh_kpis(everything=everything)
        if refresh is None:
            raise CommandError(_("Another refresh is at work. Nothing was done."))
        self.stdout.write(
            _("Recomputed %(days)d days of lines and refreshed the view in %(duration)d ms.")
            % {"days": refresh.days_recomputed, "duration": refresh.duration_ms}
        )
