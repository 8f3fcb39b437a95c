from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.master_data import create_record, update_record
from inventory.api.filters import ProductFilter
from inventory.api.serializers import ProductChange, ProductInput, ProductSerializer
from inventory.models import Material
from mfg_project.common.versions import expected_version
from mfg_project.common.viewsets import RecordViewSet, read_body


class ProductViewSet(RecordViewSet):
    """Products: the materials that are made here."""

    queryset = Material.objects.all()
    serializer_class = ProductSerializer
    filterset_class = ProductFilter
    ordering_fields = ("product_code", "product_name", "product_type", "created_at", "updated_at")
    ordering = ("product_code",)
    action_permissions: ClassVar = {
        "create": ("inventory.add_material",),
        "partial_update": ("inventory.change_material",),
    }
    not_found = _("The product was not found.")

    @extend_schema(request=ProductInput, responses={201: ProductSerializer})
    def create(self, request: Request) -> Response:
        values = read_body(ProductInput, request)
        return self.created(create_record(Material, **values))

    @extend_schema(request=ProductChange, responses=ProductSerializer)
    def partial_update(self, request: Request, pk: Any = None) -> Response:
        values = read_body(ProductChange, request, partial=True)
        version = expected_version(request, values.pop("record_version", None))
        product = self.get_object()
        return self.answer(update_record(Material, pk=product.pk, expected_version=version, **values))
