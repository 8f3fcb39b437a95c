from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from audit.signatures import Meaning
from mfg_project.common.fields import CountField, RecordSerializer
from production.enums import FINAL_STATUSES, Priority
from production.models import JobOrder, KpiDaily, QuantityReport, WorkOrder
from production.queries.signing import Step, possible_steps
from production.transitions import JOB_ORDER


class NextSignatureSerializer(serializers.Serializer):
    """The signature a step waits for: which one of how many, what it may mean, and the roles that may give it."""

    number = serializers.IntegerField()
    of = serializers.IntegerField()
    meanings = serializers.ListField(child=serializers.ChoiceField(Meaning.choices))
    roles = serializers.ListField(child=serializers.CharField())


class StepSerializer(serializers.Serializer):
    """A step the status allows, and why it is refused now; `refusal` is null when it can be taken.

    `signature` is null when the step needs none.
    """

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    refusal = serializers.CharField(allow_null=True)
    signature = NextSignatureSerializer(allow_null=True)


class JobOrderSerializer(RecordSerializer):
    work_order_number = serializers.CharField(source="work_order.work_order_number", read_only=True)
    line_code = serializers.CharField(source="production_line.line_code", read_only=True, allow_null=True)
    status_label = serializers.CharField(source="get_status_display", read_only=True)

    class Meta:
        model = JobOrder
        fields: tuple[str, ...] = (
            "id",
            "work_order_id",
            "work_order_number",
            "sequence",
            "operation_name",
            "production_line_id",
            "line_code",
            "status",
            "status_label",
            "run_time_seconds",
            "setup_time_seconds",
            "good",
            "scrap",
            "rework",
            "actual_start",
            "actual_end",
            "version",
        )


class JobOrderDetailSerializer(JobOrderSerializer):
    allowed_steps = serializers.SerializerMethodField()

    class Meta(JobOrderSerializer.Meta):
        fields = (*JobOrderSerializer.Meta.fields, "allowed_steps")

    @extend_schema_field(StepSerializer(many=True))
    def get_allowed_steps(self, job: JobOrder) -> list[dict[str, Any]]:
        user = self.context["request"].user
        return [
            _step(Step(edge, next(JOB_ORDER.refusals(job, edge, user), ""), None)) for edge in JOB_ORDER.allowed(job)
        ]


class WorkOrderSerializer(RecordSerializer):
    """A work order. `quantity_planned`, `quantity_completed` and `line_id` are other names for the same facts."""

    product_code = serializers.CharField(source="product.product_code", read_only=True)
    product_name = serializers.CharField(source="product.product_name", read_only=True)
    line_id = serializers.UUIDField(source="production_line_id", read_only=True, allow_null=True)
    line_code = serializers.CharField(source="production_line.line_code", read_only=True, allow_null=True)
    batch_number = serializers.CharField(source="batch.batch_number", read_only=True, allow_null=True)
    quantity_planned = serializers.SerializerMethodField()
    quantity_completed = serializers.SerializerMethodField()
    status_label = serializers.CharField(source="get_status_display", read_only=True)
    priority_label = serializers.SerializerMethodField()
    is_overdue = serializers.SerializerMethodField()

    class Meta:
        model = WorkOrder
        fields: tuple[str, ...] = (
            "id",
            "work_order_number",
            "product_id",
            "product_code",
            "product_name",
            "production_line_id",
            "line_id",
            "line_code",
            "batch_id",
            "batch_number",
            "planned_quantity",
            "quantity_planned",
            "actual_quantity",
            "quantity_completed",
            "uom",
            "status",
            "status_label",
            "priority",
            "priority_label",
            "scheduled_start",
            "scheduled_end",
            "actual_start",
            "actual_end",
            "is_overdue",
            "manufacturing_parameters",
            "quality_requirements",
            "special_instructions",
            "created_at",
            "updated_at",
            "version",
        )

    @extend_schema_field({"type": "number"})
    def get_quantity_planned(self, order: WorkOrder) -> int | float:
        return CountField().to_representation(order.planned_quantity)

    @extend_schema_field({"type": "number"})
    def get_quantity_completed(self, order: WorkOrder) -> int | float:
        return CountField().to_representation(order.actual_quantity) if order.actual_quantity is not None else 0

    @extend_schema_field(serializers.ChoiceField(choices=[p.name.lower() for p in Priority], allow_null=True))
    def get_priority_label(self, order: WorkOrder) -> str | None:
        return Priority(order.priority).name.lower() if order.priority in Priority else None

    def get_is_overdue(self, order: WorkOrder) -> bool:
        return order.status not in FINAL_STATUSES and order.scheduled_end < timezone.now()


class WorkOrderDetailSerializer(WorkOrderSerializer):
    """A work order with its operations and the steps that can be taken now."""

    job_orders = serializers.SerializerMethodField()
    allowed_steps = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.printed_name", read_only=True)
    updated_by = serializers.CharField(source="updated_by.printed_name", read_only=True)

    class Meta(WorkOrderSerializer.Meta):
        fields = (*WorkOrderSerializer.Meta.fields, "created_by", "updated_by", "job_orders", "allowed_steps")

    @extend_schema_field(JobOrderSerializer(many=True))
    def get_job_orders(self, order: WorkOrder) -> Any:
        jobs = order.job_orders.select_related("work_order", "production_line").order_by("sequence")
        return JobOrderSerializer(jobs, many=True).data

    @extend_schema_field(StepSerializer(many=True))
    def get_allowed_steps(self, order: WorkOrder) -> list[dict[str, Any]]:
        return [_step(step) for step in possible_steps(order, self.context["request"].user)]


def _step(step: Step) -> dict[str, Any]:
    asked = step.round
    return {
        "name": step.edge.name,
        "label": str(step.edge.label),
        "refusal": step.refused or None,
        "signature": asked
        and {
            "number": asked.next.step,
            "of": len(asked.policy.steps),
            "meanings": list(asked.next.meanings),
            "roles": list(asked.next.roles),
        },
    }


class SignatureSerializer(serializers.Serializer):
    """Who signed what, when and why; `content_matches` is false when the order was changed afterwards."""

    id = serializers.UUIDField(source="signature.id")
    signer_name = serializers.CharField(source="signature.signer_name")
    signer_title = serializers.CharField(source="signature.signer_title")
    meaning = serializers.ChoiceField(source="signature.meaning", choices=Meaning.choices)
    meaning_label = serializers.CharField()
    signed_at = serializers.DateTimeField(source="signature.signed_at")
    plant_zone = serializers.CharField(source="signature.plant_zone")
    plant_offset = serializers.IntegerField(source="signature.plant_offset", allow_null=True)
    step = serializers.CharField(source="signature.transition")
    number = serializers.IntegerField(source="signature.step_no", allow_null=True)
    from_state = serializers.CharField(source="signature.previous_state")
    to_state = serializers.CharField(
        source="signature.new_state", help_text="Empty: further signatures were needed before the step was taken."
    )
    policy_version = serializers.IntegerField(source="signature.policy_version", allow_null=True)
    components = serializers.ListField(source="signature.components", child=serializers.CharField())
    station = serializers.CharField(source="signature.station")
    comment = serializers.CharField(source="signature.comment")
    record_version = serializers.IntegerField(source="signature.record_version")
    digest = serializers.CharField(source="signature.digest")
    content_matches = serializers.BooleanField()


class StateChangeSerializer(serializers.Serializer):
    at = serializers.DateTimeField()
    occurred_at = serializers.DateTimeField()
    record = serializers.CharField(source="record_label")
    record_id = serializers.CharField(source="record_pk")
    step = serializers.CharField(source="transition")
    from_state = serializers.CharField()
    to_state = serializers.CharField()
    by = serializers.CharField(source="actor_name")
    door = serializers.CharField(source="source")
    request_id = serializers.UUIDField(source="act_id")
    reason = serializers.CharField()
    signature_id = serializers.UUIDField(allow_null=True)


class VersionSerializer(serializers.Serializer):
    """One saved version of the order."""

    version = serializers.IntegerField()
    at = serializers.DateTimeField(source="history_date")
    by = serializers.CharField(source="history_user.printed_name", allow_null=True)
    reason = serializers.CharField(source="history_change_reason", allow_null=True)
    status = serializers.CharField()
    planned_quantity = serializers.DecimalField(max_digits=12, decimal_places=4)
    priority = serializers.IntegerField()
    scheduled_start = serializers.DateTimeField()
    scheduled_end = serializers.DateTimeField()
    production_line_id = serializers.UUIDField(allow_null=True)
    integrity_digest = serializers.CharField(source="data_integrity_hash", allow_null=True)


class HistorySerializer(serializers.Serializer):
    """Versions and steps of an order, oldest first."""

    versions = VersionSerializer(many=True)
    state_changes = StateChangeSerializer(many=True)


class QuantityReportSerializer(RecordSerializer):
    """Pieces counted. Reports are never changed; `reverses` names the one a report takes back."""

    work_order_id = serializers.UUIDField(source="job_order.work_order_id", read_only=True)
    reason_code = serializers.CharField(source="reason.code", read_only=True, allow_null=True)
    reported_by = serializers.CharField(source="reported_by.printed_name", read_only=True)

    class Meta:
        model = QuantityReport
        fields = (
            "id",
            "work_order_id",
            "job_order_id",
            "production_line_id",
            "good",
            "scrap",
            "rework",
            "reason_id",
            "reason_code",
            "comment",
            "reported_at",
            "reported_by",
            "source",
            "client_token",
            "reverses_id",
        )


class KpiSerializer(RecordSerializer):
    """Key figures of a production day and line. Ratios in percent; null where there is no data."""

    class Meta:
        model = KpiDaily
        fields = (
            "report_date",
            "production_line_id",
            "line_name",
            "total_work_orders",
            "completed_work_orders",
            "on_time_completions",
            "on_time_delivery_rate",
            "total_quantity_produced",
            "good",
            "scrap",
            "rework",
            "avg_yield_percentage",
            "avg_processing_hours",
            "availability",
            "effectiveness",
            "quality_rate",
            "avg_oee",
            "estimated_oee",
            "planned_busy_s",
            "running_s",
            "setup_s",
            "stopped_s",
            "idle_s",
            "maintenance_s",
            "no_data_s",
        )


@extend_schema_serializer(many=False)
class KpiPageSerializer(serializers.Serializer):
    """A page of key figures, and how old they are."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    refreshed_at = serializers.DateTimeField(allow_null=True)
    is_stale = serializers.BooleanField()
    results = KpiSerializer(many=True)
