import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from mfg_project.demo.people import NotADemo, require_demo
from mfg_project.demo.runner import run_until
from mfg_project.demo.simulator import NoPlant

DEFAULT_SEED = 20


class Command(BaseCommand):
    help = "Runs the machines of the demo plant until it is ended with SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="the same number gives the same decisions")

    def handle(self, *args: Any, seed: int, **options: Any) -> None:
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        try:
            require_demo()
            run_until(ended, seed=seed)
        except (NotADemo, NoPlant) as refused:
            raise CommandError(_("The simulator did not start: %(why)s") % {"why": refused}) from refused
