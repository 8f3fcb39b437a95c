from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters

from equipment.enums import LineState, ReasonKind
from equipment.models import Equipment, LineStateInterval, ProductionLine, ReasonCode
from mfg_project.common.filters import KnownValuesFilter, MomentFilter


class LineFilter(filters.FilterSet):
    line_code = filters.CharFilter()
    area_id = filters.UUIDFilter()
    is_active = filters.BooleanFilter()

    class Meta:
        model = ProductionLine
        fields: tuple[str, ...] = ()


class EquipmentFilter(filters.FilterSet):
    line_id = filters.UUIDFilter()
    line = filters.CharFilter(field_name="line__line_code", label=_("Line code"))
    is_active = filters.BooleanFilter()

    class Meta:
        model = Equipment
        fields: tuple[str, ...] = ()


class ReasonFilter(filters.FilterSet):
    kind = KnownValuesFilter(known=ReasonKind.values)
    is_active = filters.BooleanFilter()

    class Meta:
        model = ReasonCode
        fields: tuple[str, ...] = ()


class LineStateFilter(filters.FilterSet):
    line_id = filters.UUIDFilter()
    line = filters.CharFilter(field_name="line__line_code", label=_("Line code"))
    state = KnownValuesFilter(known=LineState.values)
    since = MomentFilter(method="ended_after", label=_("Still lasting at or after this moment"))
    until = MomentFilter(field_name="started_at", lookup_expr="lt", label=_("Begun before this moment"))
    open = filters.BooleanFilter(field_name="ended_at", lookup_expr="isnull", label=_("Lasting now"))
    unexplained = filters.BooleanFilter(method="only_unexplained", label=_("Stops without a reason"))

    class Meta:
        model = LineStateInterval
        fields: tuple[str, ...] = ()

    def ended_after(
        self, intervals: QuerySet[LineStateInterval], _name: str, moment: object
    ) -> QuerySet[LineStateInterval]:
        return intervals.filter(Q(ended_at=None) | Q(ended_at__gt=moment))

    def only_unexplained(
        self, intervals: QuerySet[LineStateInterval], _name: str, wanted: bool
    ) -> QuerySet[LineStateInterval]:
        unexplained = Q(state=LineState.STOPPED, reason=None)
        return intervals.filter(unexplained if wanted else ~unexplained)
