from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import sealing, witness


class Command(BaseCommand):
    help = "After a restore into another cluster: seal the journal on in a new tree, tied to the last checkpoint."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="what happened; kept with the epoch")

    def handle(self, *args: Any, **options: Any) -> None:
        key = sealing.signing_key()
        try:
            with sealing.connected() as database:
                epoch = sealing.begin_epoch(database, key, reason=options["reason"])
                for sealed in sealing.seal_all(database, key):
                    witness.publish(sealed.note)
        except sealing.SealingRefused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"Epoch {epoch} has begun.")
