from typing import ClassVar

from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from mfg_project.common.viewsets import RecordViewSet, read_body
from quality.api.filters import CharacteristicFilter, QualityCheckFilter
from quality.api.serializers import CharacteristicSerializer, QualityCheckInput, QualityCheckSerializer
from quality.models import Characteristic, Measurement, QualityCheck
from quality.services.checks import record_check


class CharacteristicViewSet(RecordViewSet):
    """Characteristics of the products, with their limits."""

    queryset = Characteristic.objects.select_related("product")
    serializer_class = CharacteristicSerializer
    filterset_class = CharacteristicFilter
    ordering_fields = ("code", "name", "product__product_code")
    ordering = ("product__product_code", "code")


class QualityCheckViewSet(RecordViewSet):
    """Quality checks with their measurements, newest first. A check is never changed, only repeated."""

    queryset = QualityCheck.objects.select_related("work_order", "performed_by").prefetch_related(
        Prefetch("measurements", queryset=Measurement.objects.select_related("characteristic").order_by("id"))
    )
    serializer_class = QualityCheckSerializer
    filterset_class = QualityCheckFilter
    ordering_fields = ("performed_at", "result")
    ordering = ("-performed_at", "-id")
    action_permissions: ClassVar = {"create": ("quality.record_check",)}
    not_found = _("The quality check was not found.")

    @extend_schema(request=QualityCheckInput, responses={201: QualityCheckSerializer})
    def create(self, request: Request) -> Response:
        """Record a check; sent again under the same `client_token` it answers with the first one."""
        values = read_body(QualityCheckInput, request)
        return self.created(record_check(values=values.pop("measurements"), **values))
