from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters

from telemetry.models import Series


class SeriesFilter(filters.FilterSet):
    equipment_id = filters.UUIDFilter()
    line_id = filters.UUIDFilter(field_name="equipment__line_id", label=_("Line"))
    sensor_type = filters.CharFilter()
    source = filters.CharFilter(field_name="source__code", label=_("Code of the data source"))
    is_active = filters.BooleanFilter()

    class Meta:
        model = Series
        fields: tuple[str, ...] = ()
