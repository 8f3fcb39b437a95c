"""What types of records are called: a type is a regulated table, as the journal knows it."""

from functools import cache

from django.apps import apps
from django.db.models import Model
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

EVERY_OTHER = "*"  # the policy of all types without one of their own
JOURNAL = "journal_entry"  # of the journal: how long its months stay in the database
SPECIAL = {
    EVERY_OTHER: _("Every other type"),
    JOURNAL: _("Months of the journal, in the database"),
}


@cache
def _models() -> dict[str, type[Model]]:
    return {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}


def type_label(table: str) -> str:
    """The type in the reader's language; the table's own name where the program no longer knows it."""
    if table in SPECIAL:
        return str(SPECIAL[table])
    model = _models().get(table)
    return str(capfirst(model._meta.verbose_name)) if model else table
