"""Bring the database to this version and load the demo plant. Safe to run at every start."""

from __future__ import annotations

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    call_command("migrate", interactive=False, verbosity=1)
    call_command("load_demo")


if __name__ == "__main__":
    main()
