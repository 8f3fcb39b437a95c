from typing import Any, ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.attempts import permission_remembered
from equipment.api.source import source_of
from mfg_project.common.viewsets import RecordViewSet, VisibleRows, read_body
from production.api.filters import JobOrderFilter, KpiFilter, QuantityReportFilter
from production.api.inputs import HoldJobInput, NoInput, QuantityInput, UndoInput
from production.api.serializers import (
    JobOrderDetailSerializer,
    JobOrderSerializer,
    KpiPageSerializer,
    KpiSerializer,
    QuantityReportSerializer,
)
from production.models import JobOrder, KpiDaily, QuantityReport
from production.services import job_orders
from production.services.kpi import is_stale, last_refresh
from production.transitions import JOB_COMPLETE, JOB_HOLD, JOB_ORDER, JOB_START

MAX_KEY = 255


class JobOrderViewSet(RecordViewSet):
    """Job orders: the operations of planned work orders."""

    queryset = JobOrder.objects.select_related("work_order", "production_line")
    serializer_class = JobOrderSerializer
    detail_serializer_class = JobOrderDetailSerializer
    filterset_class = JobOrderFilter
    ordering_fields = ("work_order", "sequence", "status", "actual_start", "actual_end")
    ordering = ("-work_order", "sequence")
    action_permissions: ClassVar = {
        "start": (JOB_START.permission,),
        "hold": (JOB_HOLD.permission,),
        "complete": (JOB_COMPLETE.permission,),
    }
    not_found = gettext_lazy("The job order was not found.")

    def check_permissions(self, request: Request) -> None:
        edge = JOB_ORDER.by_name.get(self.action or "")
        with permission_remembered(JobOrder, self.kwargs.get("pk"), edge, tries=edge is not None):
            super().check_permissions(request)

    @extend_schema(responses=JobOrderDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=NoInput, responses=JobOrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: Any = None) -> Response:
        """Start the operation, or go on with it after a hold."""
        read_body(NoInput, request)
        return self.answer(job_orders.start_job(job_order_id=self.get_object().pk, source=source_of(request.user)))

    @extend_schema(request=HoldJobInput, responses=JobOrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: Any = None) -> Response:
        """Interrupt the operation, with one of the hold reasons."""
        values = read_body(HoldJobInput, request)
        return self.answer(job_orders.hold_job(job_order_id=self.get_object().pk, **values))

    @extend_schema(request=NoInput, responses=JobOrderDetailSerializer)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, pk: Any = None) -> Response:
        """Complete the operation; the last one completes its work order."""
        read_body(NoInput, request)
        return self.answer(job_orders.complete_job(job_order_id=self.get_object().pk))


class QuantityReportViewSet(RecordViewSet):
    """Pieces counted on job orders, newest first."""

    queryset = QuantityReport.objects.select_related("job_order", "reason", "reported_by")
    serializer_class = QuantityReportSerializer
    filterset_class = QuantityReportFilter
    ordering_fields = ("reported_at",)
    ordering = ("-reported_at", "-id")
    action_permissions: ClassVar = {
        "create": ("production.report_quantity",),
        "undo": ("production.report_quantity",),
    }
    not_found = gettext_lazy("This report does not exist.")

    @extend_schema(
        request=QuantityInput,
        responses={201: QuantityReportSerializer},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def create(self, request: Request) -> Response:
        """Count pieces. Sent again under the same token or key, it answers with the first report and counts nothing."""
        values = read_body(QuantityInput, request)
        values.setdefault("client_token", _token_of_key(request))
        return self.created(job_orders.report_quantity(**values, source=source_of(request.user)))

    @extend_schema(request=UndoInput, responses={201: QuantityReportSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: Any = None) -> Response:
        """Take a report back by one with the opposite counts; both stay."""
        values = read_body(UndoInput, request)
        return self.created(job_orders.undo_report(report_id=self.get_object().pk, **values))


def _token_of_key(request: Request) -> UUID | None:
    """Any key a client chose, as a token; of its own user only, so that two clients' keys never meet."""
    key = request.headers.get("Idempotency-Key", "").strip().strip('"')
    if not key:
        return None
    if len(key) > MAX_KEY:
        raise ValidationError({"Idempotency-Key": [_("At most %(length)s characters.") % {"length": MAX_KEY}]})
    return uuid5(NAMESPACE_URL, f"genba:{request.user.pk}:{key}")


class KpiViewSet(VisibleRows, mixins.ListModelMixin, viewsets.GenericViewSet):
    """Key figures per production day and line of the last 90 days, newest first."""

    queryset = KpiDaily.objects.all()
    view_permission = "production.view_kpi"
    serializer_class = KpiSerializer
    filterset_class = KpiFilter
    ordering_fields = ("report_date", "line_name", "avg_oee", "quality_rate")
    ordering = ("-report_date", "line_name", "production_line_id")

    @extend_schema(responses=KpiPageSerializer)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().list(request, *args, **kwargs)
        refresh = last_refresh()
        response.data["refreshed_at"] = refresh.refreshed_at if refresh else None
        response.data["is_stale"] = is_stale(refresh, now=timezone.now())
        return response
