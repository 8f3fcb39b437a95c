import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from audit.errors import DomainError
from mfg_project.demo.load import load_demo
from mfg_project.demo.people import PASSWORD, NotADemo

DEFAULT_SEED = 20


class Command(BaseCommand):
    help = "Loads the demo plant with 90 days of history. Does nothing when it is loaded already."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="the same number gives the same plant")

    def handle(self, *args: Any, seed: int, **options: Any) -> None:
        started = time.monotonic()
        try:
            loaded = load_demo(seed=seed)
        except (DomainError, NotADemo) as refused:
            raise CommandError(_("The demo was not loaded: %(why)s") % {"why": refused}) from refused
        if loaded is None:
            self.stdout.write(_("The demo plant is loaded already: nothing changed."))
            return
        self.stdout.write(
            _(
                "Loaded the demo plant in %(seconds)d s: %(orders)d orders, %(states)d line states and %(checks)d "
                "quality checks of the past. Users are named like their roles, password %(password)s."
            )
            % {
                "seconds": time.monotonic() - started,
                "orders": loaded.orders,
                "states": loaded.states,
                "checks": loaded.checks,
                "password": PASSWORD,
            }
        )
