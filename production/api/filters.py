import datetime as dt
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters

from equipment.models import ProductionLine
from equipment.queries.site import plant_time_zone
from mfg_project.common.filters import KnownValuesFilter, MomentFilter
from production.enums import JobOrderStatus, WorkOrderStatus
from production.models import JobOrder, KpiDaily, QuantityReport, WorkOrder
from production.queries.work_orders import matching


class PeriodForm(forms.Form):
    """Refuses a period that ends before it begins."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        start, end = cleaned.get("start_date"), cleaned.get("end_date")
        if start and end and end < start:
            self.add_error("end_date", _("The end date lies before the start date."))
        return cleaned


class WorkOrderFilter(filters.FilterSet):
    status = KnownValuesFilter(known=WorkOrderStatus.values, label=_("Filter by status"))
    status_filter = KnownValuesFilter(
        field_name="status", known=WorkOrderStatus.values, label=_("The same under its other name")
    )
    line_id = filters.UUIDFilter(field_name="production_line_id", label=_("Filter by production line ID"))
    line = filters.CharFilter(field_name="production_line__line_code", label=_("Line code"))
    start_date = filters.DateFilter(method="from_day", label=_("Filter by start date"))
    end_date = filters.DateFilter(method="through_day", label=_("Filter by end date"))
    q = filters.CharFilter(method="search", label=_("Part of the number, product or batch"))
    work_order_number = filters.CharFilter()
    product_id = filters.UUIDFilter()
    priority = filters.NumberFilter(min_value=1, max_value=10, decimal_places=0)

    class Meta:
        model = WorkOrder
        fields: tuple[str, ...] = ()
        form = PeriodForm

    # An order belongs to the days it overlaps, in plant time: [start, end + 1 day).
    def from_day(self, orders: QuerySet[WorkOrder], _name: str, day: dt.date) -> QuerySet[WorkOrder]:
        return orders.filter(scheduled_end__gt=_midnight(day))

    def through_day(self, orders: QuerySet[WorkOrder], _name: str, day: dt.date) -> QuerySet[WorkOrder]:
        return orders.filter(scheduled_start__lt=_midnight(day + dt.timedelta(days=1)))

    def search(self, orders: QuerySet[WorkOrder], _name: str, text: str) -> QuerySet[WorkOrder]:
        return orders.filter(matching(text))


class ActiveOrderFilter(filters.FilterSet):
    """Checked here, applied by the query."""

    status = KnownValuesFilter(known=WorkOrderStatus.values, label=_("Filter by status"))
    line_id = filters.UUIDFilter(label=_("Filter by production line ID"))

    class Meta:
        model = WorkOrder
        fields: tuple[str, ...] = ()


class JobOrderFilter(filters.FilterSet):
    work_order_id = filters.UUIDFilter()
    work_order_number = filters.CharFilter(field_name="work_order__work_order_number", label=_("Work order number"))
    line_id = filters.UUIDFilter(field_name="production_line_id", label=_("Filter by production line ID"))
    line = filters.CharFilter(field_name="production_line__line_code", label=_("Line code"))
    status = KnownValuesFilter(known=JobOrderStatus.values, label=_("Filter by status"))

    class Meta:
        model = JobOrder
        fields: tuple[str, ...] = ()


class QuantityReportFilter(filters.FilterSet):
    job_order_id = filters.UUIDFilter()
    work_order_id = filters.UUIDFilter(field_name="job_order__work_order_id", label=_("Work order"))
    line_id = filters.UUIDFilter(field_name="production_line_id", label=_("Filter by production line ID"))
    since = MomentFilter(field_name="reported_at", lookup_expr="gte", label=_("Reported at or after"))
    until = MomentFilter(field_name="reported_at", lookup_expr="lt", label=_("Reported before"))

    class Meta:
        model = QuantityReport
        fields: tuple[str, ...] = ()


class KpiFilter(filters.FilterSet):
    start_date = filters.DateFilter(field_name="report_date", lookup_expr="gte", label=_("First production day"))
    end_date = filters.DateFilter(field_name="report_date", lookup_expr="lte", label=_("Last production day"))
    line_id = filters.UUIDFilter(field_name="production_line_id", label=_("Filter by production line ID"))
    line = filters.CharFilter(method="of_line", label=_("Line code"))

    class Meta:
        model = KpiDaily
        fields: tuple[str, ...] = ()
        form = PeriodForm

    def of_line(self, days: QuerySet[KpiDaily], _name: str, code: str) -> QuerySet[KpiDaily]:
        return days.filter(production_line_id__in=ProductionLine.objects.filter(line_code=code).values("pk"))


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=plant_time_zone())
