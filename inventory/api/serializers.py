from rest_framework import serializers

from inventory.models import Material
from mfg_project.common.fields import Input, RecordSerializer


class ProductSerializer(RecordSerializer):
    """A product under the names of DES-17: `version` is the product's, `record_version` the record's."""

    version = serializers.CharField(source="product_version", read_only=True)
    record_version = serializers.IntegerField(source="version", read_only=True)

    class Meta:
        model = Material
        fields = (
            "id",
            "product_code",
            "product_name",
            "product_type",
            "version",
            "uom",
            "is_active",
            "standard_cycle_time",
            "target_yield_rate",
            "overproduction_tolerance",
            "record_version",
            "created_at",
            "updated_at",
        )


class ProductInput(Input):
    ignored = frozenset(ProductSerializer.Meta.fields)

    product_code = serializers.CharField(max_length=50)
    product_name = serializers.CharField(max_length=200)
    product_type = serializers.CharField(max_length=50)
    version = serializers.CharField(source="product_version", max_length=20, required=False)
    uom = serializers.CharField(max_length=10, required=False)
    is_active = serializers.BooleanField(required=False)
    standard_cycle_time = serializers.DecimalField(
        max_digits=12, decimal_places=4, required=False, allow_null=True, help_text="min"
    )
    target_yield_rate = serializers.DecimalField(max_digits=5, decimal_places=2, required=False, help_text="%")
    overproduction_tolerance = serializers.DecimalField(max_digits=5, decimal_places=2, required=False, help_text="%")


class ProductChange(ProductInput):
    reason = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, help_text="Why; required when a field changes."
    )
    record_version = serializers.IntegerField(required=False, min_value=1)
