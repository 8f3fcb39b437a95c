"""Whose trail may be read. The right to read trails is asked first, at the door.

Who works on the whole plant reads everything. Who has line assignments does not read the trail of all records: only
that of one record at a time, and only of a record the account may see now. What is gone is seen by the whole plant.
"""

from django.utils.translation import gettext as _

from audit import access
from audit.errors import NotFound
from audit.models import JournalEntry
from equipment.scope import lines_in_scope, require_whole_plant
from mfg_project.trail.names import is_key, model_of


def require_trail_of_everything() -> None:
    require_whole_plant()


def require_trail_of(table: str, key: str) -> None:
    """Raises NotFound for what the account may not see, as for what there is not."""
    model = model_of(table)
    if model is None or not is_key(model, key):
        raise NotFound(_("There is no such record."))
    if lines_in_scope() is None or not access.is_limited(model):
        return
    if not access.visible(model._base_manager.filter(pk=key)).exists():
        raise NotFound(_("There is no such record."))


def require_trail_of_entry(entry: JournalEntry) -> None:
    """Of an entry found by its number; also of a table that is gone, for the whole plant."""
    if lines_in_scope() is not None:
        require_trail_of(entry.table_name, entry.pk_text)
