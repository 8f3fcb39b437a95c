from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from audit.errors import DomainError
from quality.importers.nist_box_assembly.dataset import read_dataset
from quality.importers.nist_box_assembly.load import import_dataset
from quality.importers.nist_box_assembly.rows import MalformedRow


class Command(BaseCommand):
    help = "Imports the NIST box assembly run: three orders, their machine runs, states and inspection."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder nist-sms-box-assembly")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            imported = import_dataset(read_dataset(folder))
        except OSError as missing:
            raise CommandError(
                _("Nothing was imported: %(file)s cannot be read.") % {"file": missing.filename}
            ) from missing
        except (MalformedRow, DomainError) as refused:
            raise CommandError(_("Nothing was imported: %(why)s") % {"why": refused}) from refused
        if not imported.orders:
            self.stdout.write(_("These files were imported before: nothing changed."))
            return
        self.stdout.write(
            _(
                "Imported %(orders)d orders, %(runs)d operation runs, %(states)d machine states, "
                "%(checks)d checks with %(measurements)d measurements."
            )
            % {name: getattr(imported, name) for name in imported.__slots__}
        )
