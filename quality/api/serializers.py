from typing import Any

from rest_framework import serializers

from mfg_project.common.fields import ExactDecimalField, Input, KeyField, RecordSerializer, ZonedDateTimeField
from quality.models import Characteristic, Measurement, QualityCheck
from quality.services.checks import MeasuredValue


class CharacteristicSerializer(RecordSerializer):
    """A property that is measured. Limits are exact numbers, sent as text."""

    product_code = serializers.CharField(source="product.product_code", read_only=True)

    class Meta:
        model = Characteristic
        fields = (
            "id",
            "product_id",
            "product_code",
            "code",
            "name",
            "kind",
            "operation_sequence",
            "unit",
            "target",
            "lower_limit",
            "upper_limit",
            "is_informational",
            "is_active",
            "version",
        )


class MeasurementSerializer(RecordSerializer):
    code = serializers.CharField(source="characteristic.code", read_only=True)
    unit = serializers.CharField(source="characteristic.unit", read_only=True)

    class Meta:
        model = Measurement
        fields = (
            "characteristic_id",
            "code",
            "unit",
            "value",
            "lower_limit",
            "upper_limit",
            "verdict",
            "reported_status",
        )


class QualityCheckSerializer(RecordSerializer):
    """One inspection; `result` follows from the measurements, null when none of them decides."""

    work_order_number = serializers.CharField(source="work_order.work_order_number", read_only=True)
    performed_by = serializers.CharField(source="performed_by.printed_name", read_only=True)
    measurements = MeasurementSerializer(many=True, read_only=True)

    class Meta:
        model = QualityCheck
        fields = (
            "id",
            "work_order_id",
            "work_order_number",
            "job_order_id",
            "piece",
            "test_type",
            "place",
            "result",
            "performed_at",
            "performed_by",
            "comment",
            "client_token",
            "measurements",
        )


class MeasuredValueInput(Input):
    characteristic_id = KeyField()
    # Neither digits nor scale are bounded here: "1.50" stays 1.50, and the service knows how much is too much.
    value = ExactDecimalField()
    reported_status = serializers.CharField(max_length=20, required=False, allow_blank=True)


class QualityCheckInput(Input):
    work_order_id = KeyField()
    job_order_id = KeyField(required=False, allow_null=True)
    piece = serializers.CharField(max_length=50, required=False, allow_blank=True)
    test_type = serializers.CharField(max_length=50)
    place = serializers.CharField(max_length=50, required=False, allow_blank=True)
    performed_at = ZonedDateTimeField(required=False)
    comment = serializers.CharField(max_length=500, required=False, allow_blank=True)
    client_token = KeyField(required=False)
    measurements = MeasuredValueInput(many=True)

    def validate_measurements(self, rows: list[dict[str, Any]]) -> list[MeasuredValue]:
        return [MeasuredValue(**row) for row in rows]
