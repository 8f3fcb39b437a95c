"""What the tables, columns and keys of the journal are called: by the models, in the reader's language."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from audit import access
from audit.exempt import EXEMPT
from audit.models.journal import STRUCTURE_TABLE

# By what people know a record; the first name is what a search looks at. What is not here is called by its key.
NAMES: dict[str, tuple[str, ...]] = {
    "accounts.User": ("printed_name", "username"),
    "auth.Group": ("name",),
    "auth.Permission": ("name",),
    "django_celery_beat.PeriodicTask": ("name",),
    "equipment.Area": ("code", "name"),
    "equipment.Equipment": ("code", "name"),
    "equipment.LineAssignment": ("user__printed_name", "line__line_code"),
    "equipment.LineStateInterval": ("line__line_code", "state"),
    "equipment.ProductionLine": ("line_code", "line_name"),
    "equipment.ReasonCode": ("code", "name"),
    "equipment.Site": ("code", "name"),
    "inventory.Material": ("product_code", "product_name"),
    "production.Batch": ("batch_number",),
    "production.JobOrder": ("work_order__work_order_number", "sequence", "operation_name"),
    "production.OperationRun": ("job_order__work_order__work_order_number", "job_order__sequence", "piece"),
    "production.QuantityReport": ("job_order__work_order__work_order_number", "job_order__sequence"),
    "production.Routing": ("product__product_code", "revision"),
    "production.RoutingOperation": ("routing__product__product_code", "sequence", "name"),
    "production.ScheduledShift": ("line__line_code", "production_date", "shift__name"),
    "production.Shift": ("name",),
    "production.WorkOrder": ("work_order_number",),
    "quality.Characteristic": ("code", "name"),
    "quality.Measurement": ("check_record__work_order__work_order_number", "characteristic__code"),
    "quality.QualityCheck": ("work_order__work_order_number", "piece", "test_type"),
    "accounts.Acknowledgement": ("user__printed_name", "statement__revision"),
    "accounts.ProviderConfirmation": ("user__printed_name",),
    "accounts.SigningStatement": ("revision",),
    "accounts.TemporaryCode": ("user__printed_name", "issued_at"),
    "accounts.SigningQualification": ("user__printed_name", "valid_from"),
    "audit.ArchiveCheck": ("archive__name", "checked_at"),
    "audit.JournalArchive": ("name",),
    "audit.JournalMonth": ("month", "step"),
    "audit.LegalHold": ("record_type", "record_key", "placed_at"),
    "audit.Outbox": ("kind",),
    "audit.RetentionPolicy": ("record_type",),
    "audit.SecurityEvent": ("kind", "name_typed"),
    "audit.Signature": ("signer_name", "meaning"),
    "audit.SignaturePolicy": ("record_label", "transition"),
    "audit.SigningWindow": ("user__printed_name", "opened_at"),
}
SEARCHED_AT_MOST = 100  # records of a type whose name contains what was typed

Names = Mapping[tuple[str, str], str]  # (label of the model, key) -> name


@cache
def journalled_models() -> dict[str, type[Model]]:
    """Table -> model, of every table that may be in the journal."""
    return {
        model._meta.db_table: model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not hasattr(model, "history_type") and model._meta.label not in EXEMPT
    }


def model_of(table: str) -> type[Model] | None:
    return journalled_models().get(table)


def table_label(table: str) -> str:
    model = model_of(table)
    if table == STRUCTURE_TABLE:
        return _("Structure of the database")
    return str(capfirst(model._meta.verbose_name)) if model else table


def field_of(model: type[Model] | None, column: str) -> "Field[Any, Any] | None":
    """The field behind a column; None when the model no longer has it."""
    if model is None:
        return None
    return next((field for field in model._meta.concrete_fields if field.column == column), None)


def column_label(model: type[Model] | None, column: str) -> str:
    field = field_of(model, column)
    return str(capfirst(field.verbose_name)) if field else column


def names_of(wanted: Iterable[tuple[type[Model], Any]]) -> Names:
    """The names these records have now, as far as the reader may see them: one query for each type of record."""
    keys: dict[type[Model], set[str]] = {}
    for model, key in wanted:
        if model._meta.label in NAMES and is_key(model, key):
            keys.setdefault(model, set()).add(str(key))
    return {
        (model._meta.label, str(key)): " · ".join(str(part) for part in parts if part not in (None, ""))
        for model, some in keys.items()
        for key, *parts in access.visible(model._base_manager.filter(pk__in=some)).values_list(
            "pk", *NAMES[model._meta.label]
        )
    }


def is_key(model: type[Model], key: Any) -> bool:
    try:
        model._meta.pk.to_python(key)
    except (ValidationError, ValueError, TypeError):
        return False
    return key is not None and len(str(key)) <= 100


def keys_called(text: str, table: str) -> dict[str, frozenset[str]]:
    """Records whose number or name contains `text`, or whose key it is, by table; of one type or of all."""
    chosen = {table: model_of(table)} if table else journalled_models()
    found = {}
    for name, model in chosen.items():
        if model is None:
            continue
        keys = _called(model, text) if model._meta.label in NAMES else set()
        if is_key(model, text) and (table or _is_uuid(text)):
            keys.add(text.lower())
        if keys:
            found[name] = frozenset(keys)
    return found


def _called(model: type[Model], text: str) -> set[str]:
    names = [name for name in NAMES[model._meta.label] if "__" not in name]
    if not names:  # called by another record's name, as an operation is by its order's
        names = list(NAMES[model._meta.label][:1])
    condition = Q()
    for name in names:
        condition |= Q(**{f"{name}__icontains": text})
    rows = access.visible(model._base_manager.filter(condition))
    return {str(key) for key in rows.values_list("pk", flat=True)[:SEARCHED_AT_MOST]}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
