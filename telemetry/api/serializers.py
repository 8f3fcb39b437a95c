from typing import Any

from rest_framework import serializers

from mfg_project.common.fields import Input, RecordSerializer, ZonedDateTimeField
from telemetry.models import Series
from telemetry.queries.series import Level

MOST_POINTS = 5000


class SeriesSerializer(RecordSerializer):
    equipment_code = serializers.CharField(source="equipment.code", read_only=True)
    source = serializers.CharField(source="source.code", read_only=True)  # type: ignore[assignment]  # a name of Field

    class Meta:
        model = Series
        fields = (
            "id",
            "equipment_id",
            "equipment_code",
            "sensor_type",
            "name",
            "unit",
            "source",
            "source_key",
            "expected_interval",
            "minimum",
            "maximum",
            "is_active",
            "version",
        )


class CurveInput(Input):
    start = ZonedDateTimeField()
    end = ZonedDateTimeField()
    points = serializers.IntegerField(min_value=10, max_value=MOST_POINTS, default=500)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["start"] >= attrs["end"]:
            raise serializers.ValidationError({"end": "The end must be after the start."})
        return attrs


class DrawnSerializer(serializers.Serializer[Any]):
    """A reading, or what happened in a stretch of time from `at` on. Bad readings are counted, and in no value."""

    at = serializers.DateTimeField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    mean = serializers.FloatField(allow_null=True)
    readings = serializers.IntegerField()
    not_good = serializers.IntegerField()


class CurveSerializer(serializers.Serializer[Any]):
    resolution = serializers.ChoiceField(
        source="level",
        choices=[level.value for level in Level],
        help_text="raw: every reading; stretch: lowest, highest and mean of each; hours: the same of whole hours.",
    )
    points = DrawnSerializer(many=True)
    days_missing = serializers.ListField(
        child=serializers.DateField(), help_text="Archived days (UTC) whose file is not there: the curve has a gap."
    )


class NewestSerializer(serializers.Serializer[Any]):
    series_id = serializers.UUIDField()
    time = serializers.DateTimeField()
    value = serializers.FloatField(allow_null=True, help_text="null: the newest reading is no number.")
    quality = serializers.ChoiceField(choices=["good", "uncertain", "bad"])
