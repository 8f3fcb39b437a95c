from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import sealing, witness
from audit.context import named, require
from audit.journal import demand_reason
from audit.management.commands._archiving import add_user, doing
from audit.months import PERMISSION


class Command(BaseCommand):
    help = "After a restore into another cluster: seal the journal on in a new tree, tied to the last checkpoint."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="what happened; kept with the epoch, as is who began it")
        add_user(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        key = sealing.signing_key()
        with doing(options["user"], "begin_epoch"):
            person = require(PERMISSION)  # who may take months out of the journal
            demand_reason(options["reason"])
        try:
            with sealing.connected() as database:
                reason = f"{options['reason'].strip()} (begun by {named(person)})"
                epoch = sealing.begin_epoch(database, key, reason=reason)
                for sealed in sealing.seal_all(database, key):
                    witness.publish(sealed.note)
        except sealing.SealingRefused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"Epoch {epoch} has begun.")
