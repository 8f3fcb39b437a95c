from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from equipment.enums import LineState
from equipment.models import Area, Equipment, LineStateInterval, ProductionLine, ReasonCode, Site
from mfg_project.common.fields import Input, KeyField, RecordSerializer, ZonedDateTimeField

# The four values other systems know (DES-19), and silence, which none of the four may stand for.
DES_STATUS = {
    LineState.RUNNING: "RUNNING",
    LineState.IDLE: "IDLE",
    LineState.SETUP: "IDLE",
    LineState.STOPPED: "DOWN",
    LineState.MAINTENANCE: "MAINTENANCE",
    LineState.NO_DATA: "NO_DATA",
}


class SiteSerializer(RecordSerializer):
    class Meta:
        model = Site
        fields = ("id", "code", "name", "time_zone", "production_day_start", "version")


class AreaSerializer(RecordSerializer):
    class Meta:
        model = Area
        fields = ("id", "site_id", "code", "name", "version")


class EquipmentSerializer(RecordSerializer):
    line_code = serializers.CharField(source="line.line_code", read_only=True)

    class Meta:
        model = Equipment
        fields = ("id", "line_id", "line_code", "code", "name", "kind", "is_active", "version")


class ReasonSerializer(RecordSerializer):
    label = serializers.CharField(read_only=True, help_text="As the reader names it.")  # type: ignore[assignment]

    class Meta:
        model = ReasonCode
        fields = ("id", "kind", "code", "label", "name", "name_ja", "is_planned", "sort_order", "is_active")


class LineStateSerializer(RecordSerializer):
    """What a line was doing from one moment to another; `ended_at` is null while it lasts."""

    line_code = serializers.CharField(source="line.line_code", read_only=True)
    state_label = serializers.CharField(source="get_state_display", read_only=True)
    reason = ReasonSerializer(read_only=True, allow_null=True)
    needs_explanation = serializers.BooleanField(read_only=True)

    class Meta:
        model = LineStateInterval
        fields = (
            "id",
            "line_id",
            "line_code",
            "state",
            "state_label",
            "started_at",
            "ended_at",
            "reason",
            "comment",
            "source",
            "explained_at",
            "needs_explanation",
        )


class CurrentStateSerializer(serializers.Serializer):
    """The state a line is in, since when and why."""

    interval_id = serializers.IntegerField(source="id")
    state = serializers.ChoiceField(choices=LineState.choices)
    label = serializers.CharField(source="get_state_display")  # type: ignore[assignment]
    since = serializers.DateTimeField(source="started_at")
    reason = ReasonSerializer(allow_null=True)
    comment = serializers.CharField()
    needs_explanation = serializers.BooleanField()


class LineSerializer(RecordSerializer):
    """`status` is the present state in the words of DES-19, or NO_DATA; `state` says more."""

    area_code = serializers.CharField(source="area.code", read_only=True)
    status = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()

    class Meta:
        model = ProductionLine
        fields = (
            "id",
            "line_code",
            "line_name",
            "area_id",
            "area_code",
            "capacity_per_hour",
            "efficiency_rate",
            "is_active",
            "status",
            "state",
            "version",
        )

    @extend_schema_field(serializers.ChoiceField(choices=sorted(set(DES_STATUS.values()))))
    def get_status(self, line: Any) -> str:
        return DES_STATUS[LineState(line.open_intervals[0].state)] if line.open_intervals else "NO_DATA"

    @extend_schema_field(CurrentStateSerializer(allow_null=True))
    def get_state(self, line: Any) -> Any:
        return CurrentStateSerializer(line.open_intervals[0]).data if line.open_intervals else None


class LineStateInput(Input):
    line_id = KeyField()
    state = serializers.CharField(max_length=20, help_text=", ".join(LineState.values))
    at = ZonedDateTimeField(required=False)
    reason_id = KeyField(required=False, allow_null=True)
    comment = serializers.CharField(max_length=500, required=False, allow_blank=True)

    def validate_state(self, state: str) -> str:
        return state.lower()


class ExplainInput(Input):
    reason_id = KeyField()
    comment = serializers.CharField(max_length=500, required=False, allow_blank=True)
