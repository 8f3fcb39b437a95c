"""Plain edits of master data: the service for records without rules beyond their own constraints."""

from typing import Any, TypeVar
from uuid import UUID

from django.utils.translation import gettext as _

from audit import access, records
from audit.context import require
from audit.errors import NotFound
from audit.journal import change
from audit.models import AuditedModel

Record = TypeVar("Record", bound=AuditedModel)


def create_record(model: type[Record], **values: Any) -> Record:
    """Create a row of master data; needs the model's add permission, and the line it is for where it names one."""
    require(f"{model._meta.app_label}.add_{model._meta.model_name}")
    record = model(**values)
    access.require_record(record)
    return records.create(record)


def update_record(
    model: type[Record], *, pk: UUID, expected_version: int | None = None, reason: str = "", **changes: Any
) -> Record:
    """Edit a row of master data; needs the model's change permission. Raises NotFound or StaleVersion."""
    require(f"{model._meta.app_label}.change_{model._meta.model_name}")
    with change("update_record", reason):
        record = model._base_manager.select_for_update().filter(pk=pk).first()
        if record is None:
            raise NotFound(_("This record does not exist."))
        access.require_record(record)
        updated = records.update(record, expected_version=expected_version, reason=reason, **changes)
        access.require_record(updated)  # nor moved to where the account does not work; the transaction goes back
        return updated
