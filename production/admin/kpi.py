"""Kept sums of key figures, for lookup: the figures themselves are on the KPI page.

`mv_production_kpi_daily` is missing here on purpose: the admin cannot show a model with a composite key.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from audit.admin_base import ReadOnlyAdmin
from mfg_project.common.admin_columns import quantity
from mfg_project.common.formats import duration
from production.models import KpiDay, KpiDayStop, KpiDirtyDay, KpiRefresh


class KpiAdmin(ReadOnlyAdmin):
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("production.view_kpi")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


class LineDayAdmin(KpiAdmin):
    list_filter = ("line",)
    list_select_related = ("line",)
    search_fields = ("line__line_code", "line__line_name")
    date_hierarchy = "report_date"
    ordering = ("-report_date", "line__line_code")

    @admin.display(description=_("production day"), ordering="report_date")
    def day(self, obj: Any) -> Any:
        return obj.report_date

    @admin.display(description=_("production line"), ordering="line__line_code")
    def its_line(self, obj: Any) -> str:
        return str(obj.line)


@admin.register(KpiDay)
class KpiDayAdmin(LineDayAdmin):
    list_display = ("day", "its_line", "planned", "running", "stopped", "idle", "no_data", "made", "lost", "to_rework")
    fields = (
        "day",
        "its_line",
        "planned",
        "running",
        "setup",
        "stopped",
        "idle",
        "maintenance",
        "no_data",
        "made",
        "lost",
        "to_rework",
    )
    made = quantity("good", _("good"))
    lost = quantity("scrap", _("scrap"))
    to_rework = quantity("rework", _("rework"))

    @admin.display(description=_("Planned busy time"), ordering="planned_busy_s")
    def planned(self, obj: KpiDay) -> str:
        return duration(obj.planned_busy_s)

    @admin.display(description=_("Running"), ordering="running_s")
    def running(self, obj: KpiDay) -> str:
        return duration(obj.running_s)

    @admin.display(description=_("Setup"), ordering="setup_s")
    def setup(self, obj: KpiDay) -> str:
        return duration(obj.setup_s)

    @admin.display(description=_("Stopped"), ordering="stopped_s")
    def stopped(self, obj: KpiDay) -> str:
        return duration(obj.stopped_s)

    @admin.display(description=_("Idle"), ordering="idle_s")
    def idle(self, obj: KpiDay) -> str:
        return duration(obj.idle_s)

    @admin.display(description=_("Maintenance"), ordering="maintenance_s")
    def maintenance(self, obj: KpiDay) -> str:
        return duration(obj.maintenance_s)

    @admin.display(description=_("No data"), ordering="no_data_s")
    def no_data(self, obj: KpiDay) -> str:
        return duration(obj.no_data_s)


@admin.register(KpiDayStop)
class KpiDayStopAdmin(LineDayAdmin):
    list_display = ("day", "its_line", "its_reason", "count", "time")
    list_select_related = ("line", "reason")
    fields = ("day", "its_line", "its_reason", "count", "time")

    @admin.display(description=_("reason"), ordering="reason__code")
    def its_reason(self, obj: KpiDayStop) -> str:
        return str(obj.reason) if obj.reason else str(_("Not explained"))

    @admin.display(description=_("Stops"), ordering="stops")
    def count(self, obj: KpiDayStop) -> int:
        return obj.stops

    @admin.display(description=_("Stopped"), ordering="seconds")
    def time(self, obj: KpiDayStop) -> str:
        return duration(obj.seconds)


@admin.register(KpiDirtyDay)
class KpiDirtyDayAdmin(KpiAdmin):
    list_display = ("day", "line_id")
    ordering = ("report_date",)
    fields = ("day", "line_id")

    @admin.display(description=_("production day"), ordering="report_date")
    def day(self, obj: KpiDirtyDay) -> Any:
        return obj.report_date


@admin.register(KpiRefresh)
class KpiRefreshAdmin(KpiAdmin):
    list_display = ("name", "at", "took", "days")
    fields = ("name", "at", "took", "days")

    @admin.display(description=_("view"), ordering="view_name")
    def name(self, obj: KpiRefresh) -> str:
        return obj.view_name

    @admin.display(description=_("refreshed at"), ordering="refreshed_at")
    def at(self, obj: KpiRefresh) -> Any:
        return obj.refreshed_at

    @admin.display(description=_("took (ms)"), ordering="duration_ms")
    def took(self, obj: KpiRefresh) -> str:
        return f"{obj.duration_ms:.0f}"

    @admin.display(description=_("days computed"), ordering="days_recomputed")
    def days(self, obj: KpiRefresh) -> int:
        return obj.days_recomputed
