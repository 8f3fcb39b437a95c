from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters

from mfg_project.common.filters import KnownValuesFilter, MomentFilter
from quality.enums import Verdict
from quality.models import Characteristic, QualityCheck


class CharacteristicFilter(filters.FilterSet):
    product_id = filters.UUIDFilter()
    product_code = filters.CharFilter(field_name="product__product_code", label=_("Product code"))
    operation_sequence = filters.NumberFilter(min_value=0, max_value=32767, decimal_places=0)
    is_active = filters.BooleanFilter()

    class Meta:
        model = Characteristic
        fields: tuple[str, ...] = ()


class QualityCheckFilter(filters.FilterSet):
    work_order_id = filters.UUIDFilter()
    work_order_number = filters.CharFilter(field_name="work_order__work_order_number", label=_("Work order number"))
    job_order_id = filters.UUIDFilter()
    piece = filters.CharFilter()
    test_type = filters.CharFilter()
    result = KnownValuesFilter(known=Verdict.values)
    since = MomentFilter(field_name="performed_at", lookup_expr="gte", label=_("Performed at or after"))
    until = MomentFilter(field_name="performed_at", lookup_expr="lt", label=_("Performed before"))

    class Meta:
        model = QualityCheck
        fields: tuple[str, ...] = ()
