"""Request bodies: their shape only. What they mean is decided by the services."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.signatures import Meaning
from mfg_project.common.fields import Input, KeyField, StorableJSONField, ZonedDateTimeField
from production.api.serializers import WorkOrderDetailSerializer
from production.enums import Priority
from production.transitions import RELEASE

PRIORITIES = {priority.name.lower(): priority.value for priority in Priority}

# The names of the second source document (DES-16, X-34) for fields of ours.
ALIASES = {
    "quantity_planned": "planned_quantity",
    "quantity_completed": "actual_quantity",
    "line_id": "production_line_id",
}
# Set once, or only by steps; a client may send them back as they are.
FIXED = ("work_order_number", "product_id", "actual_start", "actual_end")


@extend_schema_field({"oneOf": [{"type": "integer", "minimum": 1, "maximum": 10}, {"enum": list(PRIORITIES)}]})
class PriorityField(serializers.IntegerField):
    """1 (first) to 10 (last), or one of the names (X-33)."""

    default_error_messages = {"invalid": _("Give a number from 1 (first) to 10 (last), or urgent, high, normal, low.")}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and data.lower() in PRIORITIES:
            return PRIORITIES[data.lower()]
        return super().to_internal_value(data)


class NewWorkOrderInput(Input):
    """`quantity_planned` and `line_id` are accepted for `planned_quantity` and `production_line_id`."""

    work_order_number = serializers.CharField(max_length=50)
    product_id = KeyField()
    planned_quantity = serializers.DecimalField(max_digits=12, decimal_places=4, required=False)
    quantity_planned = serializers.DecimalField(max_digits=12, decimal_places=4, required=False)
    uom = serializers.CharField(max_length=10, required=False)
    production_line_id = KeyField(required=False, allow_null=True)
    line_id = KeyField(required=False, allow_null=True)
    batch_id = KeyField(required=False, allow_null=True)
    priority = PriorityField(required=False)
    scheduled_start = ZonedDateTimeField()
    scheduled_end = ZonedDateTimeField()
    manufacturing_parameters = StorableJSONField(required=False, allow_null=True)
    quality_requirements = StorableJSONField(required=False, allow_null=True)
    special_instructions = serializers.CharField(
        max_length=10_000, required=False, allow_blank=True, allow_null=True, trim_whitespace=False
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for alias, name in ALIASES.items():
            if alias in attrs:
                attrs[name] = self._one_value(alias, attrs.pop(alias), name, attrs)
        if "planned_quantity" not in attrs and not self.partial:
            raise serializers.ValidationError({"planned_quantity": [_("This field is required.")]})
        return attrs

    def _one_value(self, alias: str, value: Any, name: str, attrs: dict[str, Any]) -> Any:
        """Both names at once: who read an order and changed one of them meant that one."""
        other = attrs.get(name, value)
        now = getattr(self.instance, name, None)
        if name == "actual_quantity" and now is None:
            now = 0  # that is how the alias shows "nothing yet"
        if value in (other, now):
            return other
        if self.instance is not None and other == now:
            return value
        raise serializers.ValidationError({alias: [_("Contradicts “%(name)s”.") % {"name": name}]})


class WorkOrderInput(NewWorkOrderInput):
    """A PUT: every field as it shall be. What a GET returned may be sent back; read-only parts are passed over."""

    ignored = frozenset(WorkOrderDetailSerializer.Meta.fields)

    status = serializers.CharField(max_length=20, required=False)
    actual_quantity = serializers.DecimalField(max_digits=12, decimal_places=4, required=False, allow_null=True)
    quantity_completed = serializers.DecimalField(max_digits=12, decimal_places=4, required=False, allow_null=True)
    actual_start = ZonedDateTimeField(required=False, allow_null=True)
    actual_end = ZonedDateTimeField(required=False, allow_null=True)
    reason = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, help_text="Why; required when a field changes."
    )
    version = serializers.IntegerField(required=False, min_value=1)

    def validate_status(self, status: str) -> str:
        return status.lower()


class WorkOrderChange(WorkOrderInput):
    """A PATCH: only what is given is changed."""


class ReasonInput(Input):
    reason = serializers.CharField(max_length=2000, allow_blank=True, required=False, default="")
    version = serializers.IntegerField(required=False, min_value=1)


class PlainStepInput(Input):
    version = serializers.IntegerField(required=False, min_value=1)


class ReleaseInput(Input):
    """The signature: the signer's password once more, what the signature means, and a remark."""

    password = serializers.CharField(
        max_length=4096, trim_whitespace=False, write_only=True, style={"input_type": "password"}
    )
    meaning = serializers.ChoiceField(choices=[(meaning, Meaning(meaning).label) for meaning in RELEASE.meanings])
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    version = serializers.IntegerField(required=False, min_value=1)


class HoldJobInput(Input):
    reason_id = KeyField()
    comment = serializers.CharField(max_length=500, required=False, allow_blank=True)


class NoInput(Input):
    """An empty body."""


class UndoInput(Input):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class QuantityInput(Input):
    """Pieces counted. The same `client_token` (or Idempotency-Key) is counted once, however often it is sent."""

    job_order_id = KeyField()
    good = serializers.DecimalField(max_digits=12, decimal_places=4, required=False, default=Decimal(0))
    scrap = serializers.DecimalField(max_digits=12, decimal_places=4, required=False, default=Decimal(0))
    rework = serializers.DecimalField(max_digits=12, decimal_places=4, required=False, default=Decimal(0))
    reason_id = KeyField(required=False, allow_null=True)
    comment = serializers.CharField(max_length=500, required=False, allow_blank=True)
    reported_at = ZonedDateTimeField(required=False)
    client_token = KeyField(required=False)
