from pathlib import Path

from django.db import migrations


def run_sql_file(migration_file: str, name: str) -> migrations.RunSQL:
    """Run `<app>/sql/<name>.up.sql`, and `.down.sql` on the way back.

    A released file is never edited: a new number replaces what it made.
    """
    folder = Path(migration_file).resolve().parent.parent / "sql"
    return migrations.RunSQL(
        sql=(folder / f"{name}.up.sql").read_text(encoding="utf-8"),
        reverse_sql=(folder / f"{name}.down.sql").read_text(encoding="utf-8"),
    )
