from typing import Any, ClassVar

from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from equipment.api.filters import EquipmentFilter, LineFilter, LineStateFilter, ReasonFilter
from equipment.api.serializers import (
    AreaSerializer,
    EquipmentSerializer,
    ExplainInput,
    LineSerializer,
    LineStateInput,
    LineStateSerializer,
    ReasonSerializer,
    SiteSerializer,
)
from equipment.api.source import source_of
from equipment.models import Area, Equipment, LineStateInterval, ProductionLine, ReasonCode, Site
from equipment.services.line_states import explain_interval, set_line_state
from mfg_project.common.viewsets import ROW_PATTERN, RecordViewSet, read_body


class SiteViewSet(RecordViewSet):
    """The plant: one row."""

    queryset = Site.objects.order_by("code")
    serializer_class = SiteSerializer
    filter_backends = ()


class AreaViewSet(RecordViewSet):
    """Areas of the site."""

    queryset = Area.objects.order_by("code")
    serializer_class = AreaSerializer
    filter_backends = ()


class LineViewSet(RecordViewSet):
    """Production lines with the state they are in now."""

    queryset = ProductionLine.objects.select_related("area").prefetch_related(
        Prefetch(
            "state_intervals",
            queryset=LineStateInterval.objects.filter(ended_at=None).select_related("reason"),
            to_attr="open_intervals",
        )
    )
    serializer_class = LineSerializer
    filterset_class = LineFilter
    ordering_fields = ("line_code", "line_name")
    ordering = ("line_code",)
    not_found = _("The production line was not found.")


class EquipmentViewSet(RecordViewSet):
    """Machines and stations of the lines."""

    queryset = Equipment.objects.select_related("line")
    serializer_class = EquipmentSerializer
    filterset_class = EquipmentFilter
    ordering_fields = ("code", "name")
    ordering = ("code",)


class ReasonViewSet(RecordViewSet):
    """Reasons for stops, scrap and holds."""

    queryset = ReasonCode.objects.all()
    serializer_class = ReasonSerializer
    filterset_class = ReasonFilter
    ordering_fields = ("kind", "sort_order", "code")
    ordering = ("kind", "sort_order", "code")


class LineStateViewSet(RecordViewSet):
    """State intervals of the lines, newest first. A new state closes the one before it."""

    queryset = LineStateInterval.objects.select_related("line", "reason")
    serializer_class = LineStateSerializer
    filterset_class = LineStateFilter
    ordering_fields = ("started_at", "ended_at")
    ordering = ("-started_at", "-id")
    lookup_value_regex = ROW_PATTERN
    action_permissions: ClassVar = {
        "create": ("equipment.set_line_state",),
        "explain": ("equipment.set_line_state",),
    }

    @extend_schema(request=LineStateInput, responses={201: LineStateSerializer})
    def create(self, request: Request) -> Response:
        values = read_body(LineStateInput, request)
        return self.created(set_line_state(**values, source=source_of(request.user)))

    @extend_schema(request=ExplainInput, responses=LineStateSerializer)
    @action(detail=True, methods=["post"])
    def explain(self, request: Request, pk: Any = None) -> Response:
        """Say why the line stopped; again to correct the reason."""
        values = read_body(ExplainInput, request)
        return self.answer(explain_interval(interval_id=self.get_object().pk, **values))
