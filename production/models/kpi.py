"""KPI base and view. Sums are stored, ratios are computed from sums (X-07)."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from equipment.models import ProductionLine, ReasonCode


class KpiDay(models.Model):
    """Sums of one production day of one line, recomputed whole whenever something of that day changed.

    Filled by the SQL function `production_recompute_kpi_day`; seconds and pieces, never ratios.
    """

    LINE: ClassVar[str] = "line"

    line = models.ForeignKey(ProductionLine, on_delete=models.PROTECT, related_name="+")
    report_date = models.DateField()
    planned_busy_s = models.FloatField(null=True)
    running_s = models.FloatField()
    setup_s = models.FloatField()
    stopped_s = models.FloatField()
    idle_s = models.FloatField()
    maintenance_s = models.FloatField()
    no_data_s = models.FloatField(null=True)
    good = models.DecimalField(max_digits=18, decimal_places=4)
    scrap = models.DecimalField(max_digits=18, decimal_places=4)
    rework = models.DecimalField(max_digits=18, decimal_places=4)
    standard_s = models.FloatField()
    finished = models.DecimalField(max_digits=18, decimal_places=4)
    total_work_orders = models.IntegerField()
    completed_work_orders = models.IntegerField()
    on_time_completions = models.IntegerField()
    completed_planned_quantity = models.DecimalField(max_digits=18, decimal_places=4)
    completed_good_quantity = models.DecimalField(max_digits=18, decimal_places=4)
    processing_hours = models.FloatField()

    class Meta:
        db_table = "production_kpi_day"
        verbose_name = _("key figures of a day")
        verbose_name_plural = _("key figures by day")
        permissions = [("view_kpi", gettext_noop("Can view key figures"))]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["report_date", "line"], name="kpiday_one_per_line_and_day")]

    def __str__(self) -> str:
        return f"{self.report_date} {self.line_id}"


class KpiDayStop(models.Model):
    """Unplanned stops of one production day of one line by reason; `reason` empty: nobody explained them yet."""

    LINE: ClassVar[str] = "line"

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(ProductionLine, on_delete=models.PROTECT, related_name="+")
    report_date = models.DateField()
    reason = models.ForeignKey(ReasonCode, on_delete=models.PROTECT, related_name="+", null=True)
    stops = models.IntegerField()  # that began on this day
    seconds = models.FloatField()

    class Meta:
        db_table = "production_kpi_day_stop"
        verbose_name = _("stops of a day")
        verbose_name_plural = _("stops by day")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["report_date", "line", "reason"], name="kpidaystop_one_per_reason", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.report_date} {self.line_id} {self.reason_id}"


class KpiDirtyDay(models.Model):
    """A day and line whose sums are out of date. Written by triggers, drained by the refresh; never waited on."""

    LINE: ClassVar[str] = "line_id"

    line_id = models.UUIDField()
    report_date = models.DateField()

    class Meta:
        db_table = "production_kpi_dirty_day"
        verbose_name = _("day to compute")
        verbose_name_plural = _("days to compute")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.report_date} {self.line_id}"


class KpiRefresh(models.Model):
    """When the view was last refreshed, what it took; one row a view."""

    view_name = models.CharField(max_length=100, primary_key=True)
    refreshed_at = models.DateTimeField()
    duration_ms = models.FloatField()
    days_recomputed = models.IntegerField()

    class Meta:
        verbose_name = _("refresh of key figures")
        verbose_name_plural = _("refreshes of key figures")
        default_permissions = ()

    def __str__(self) -> str:
        return self.view_name


class KpiDaily(models.Model):
    """`mv_production_kpi_daily` (DBO-98, X-08): the last 90 days, one row a day and line. Read only.

    Ratios are in percent; a ratio without data is NULL, never 0 or 100.
    """

    LINE: ClassVar[str] = "production_line_id"

    pk = models.CompositePrimaryKey("report_date", "production_line_id")
    report_date = models.DateField(_("production day"))
    production_line_id = models.UUIDField()
    line_name = models.CharField(max_length=100)
    total_work_orders = models.IntegerField()
    completed_work_orders = models.IntegerField()
    on_time_completions = models.IntegerField()
    on_time_delivery_rate = models.FloatField(null=True)
    total_quantity_produced = models.DecimalField(max_digits=18, decimal_places=4)
    good = models.DecimalField(max_digits=18, decimal_places=4)
    scrap = models.DecimalField(max_digits=18, decimal_places=4)
    rework = models.DecimalField(max_digits=18, decimal_places=4)
    avg_yield_percentage = models.FloatField(null=True)
    avg_processing_hours = models.FloatField(null=True)
    planned_busy_s = models.FloatField(null=True)
    running_s = models.FloatField()
    setup_s = models.FloatField()
    stopped_s = models.FloatField()
    idle_s = models.FloatField()
    maintenance_s = models.FloatField()
    no_data_s = models.FloatField(null=True)
    standard_s = models.FloatField()
    availability = models.FloatField(null=True)
    effectiveness = models.FloatField(null=True)
    quality_rate = models.FloatField(null=True)
    avg_oee = models.FloatField(null=True)
    estimated_oee = models.FloatField(null=True)

    class Meta:
        managed = False
        db_table = "mv_production_kpi_daily"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.report_date} {self.production_line_id}"
