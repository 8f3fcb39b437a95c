from math import isfinite
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from mfg_project.common.viewsets import RecordViewSet
from telemetry.api.filters import SeriesFilter
from telemetry.api.serializers import CurveInput, CurveSerializer, NewestSerializer, SeriesSerializer
from telemetry.enums import Quality
from telemetry.models import Series
from telemetry.queries.series import curve, newest


class SeriesViewSet(RecordViewSet):
    """What machines measure. Readings come in at `/api/v1/readings/`, with the key of a device."""

    queryset = Series.objects.select_related("equipment", "source")
    serializer_class = SeriesSerializer
    filterset_class = SeriesFilter
    ordering_fields = ("name", "sensor_type")
    ordering = ("equipment__code", "name", "id")

    @extend_schema(parameters=[CurveInput], responses=CurveSerializer)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def curve(self, request: Request, pk: Any = None) -> Response:
        """What happened from `start` to `end` in about `points` points: the extremes are always among them."""
        asked = CurveInput(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(CurveSerializer(curve(self.get_object(), **asked.validated_data)).data)

    @extend_schema(responses=NewestSerializer(many=True))
    @action(detail=False)
    def newest(self, request: Request) -> Response:
        """The newest reading of each series of this page of the list."""
        page = list(self.paginate_queryset(self.filter_queryset(self.get_queryset())) or [])
        latest = newest(page)
        rows = [
            {
                "series_id": series.pk,
                "time": found.time,
                "value": found.value if isfinite(found.value) else None,
                "quality": Quality(found.quality).name.lower(),
            }
            for series in page
            if (found := latest.get(series.number))
        ]
        return self.get_paginated_response(NewestSerializer(rows, many=True).data)
