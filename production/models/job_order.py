from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from audit.context import uuid7
from audit.models import AuditedModel
from equipment.enums import StateSource
from equipment.models import Equipment, ProductionLine, ReasonCode
from production.enums import JobOrderStatus
from production.models.work_order import WorkOrder


class JobOrder(AuditedModel):
    """One operation of a work order, dispatched to a line (ISA-95 job order).

    Times and name are copied from the routing when the order is planned; a later revision does not touch them.
    """

    DERIVED_FIELDS = ("good", "scrap", "rework")  # sums of the quantity reports
    LINE: ClassVar[str] = "production_line"

    work_order = models.ForeignKey(
        WorkOrder, on_delete=models.PROTECT, related_name="job_orders", verbose_name=_("work order")
    )
    sequence = models.PositiveSmallIntegerField(_("sequence"))
    operation_name = models.CharField(_("operation"), max_length=100)
    run_time_seconds = models.DecimalField(_("run time per piece (s)"), max_digits=12, decimal_places=3)
    setup_time_seconds = models.DecimalField(_("setup time (s)"), max_digits=12, decimal_places=3)
    production_line = models.ForeignKey(
        ProductionLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="job_orders",
        verbose_name=_("production line"),
    )
    status = models.CharField(
        _("status"), max_length=20, choices=JobOrderStatus, default=JobOrderStatus.WAITING, editable=False
    )
    actual_start = models.DateTimeField(_("actual start"), null=True, blank=True, editable=False)
    actual_end = models.DateTimeField(_("actual end"), null=True, blank=True, editable=False)
    good = models.DecimalField(_("good"), max_digits=14, decimal_places=4, default=0, editable=False)
    scrap = models.DecimalField(_("scrap"), max_digits=14, decimal_places=4, default=0, editable=False)
    rework = models.DecimalField(_("rework"), max_digits=14, decimal_places=4, default=0, editable=False)

    class Meta:
        verbose_name = _("job order")
        verbose_name_plural = _("job orders")
        permissions = [("execute_joborder", gettext_noop("Can start, hold and complete a job order"))]
        indexes = [models.Index(fields=["production_line", "status"], name="joborder_line_status")]
        constraints = [
            models.UniqueConstraint(fields=["work_order", "sequence"], name="joborder_sequence_unique"),
            models.CheckConstraint(condition=Q(status__in=JobOrderStatus.values), name="joborder_status_known"),
            models.CheckConstraint(
                condition=Q(good__gte=0, scrap__gte=0, rework__gte=0),
                name="joborder_quantities_not_negative",
                violation_error_message=_("Quantities must not be negative."),
            ),
            models.CheckConstraint(
                condition=Q(actual_end=None) | Q(actual_end__gte=F("actual_start")),
                name="joborder_end_not_before_start",
                violation_error_message=_("The end must not lie before the start."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.work_order.work_order_number}/{self.sequence} {self.operation_name}"

    @property
    def produced(self) -> Decimal:
        """PQ of ISO 22400: good + scrap + rework."""
        return self.good + self.scrap + self.rework


class QuantityReport(models.Model):
    """Pieces counted on a job order. Never changed: a mistake is undone by a report that reverses it."""

    LINE: ClassVar[str] = "production_line"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job_order = models.ForeignKey(
        JobOrder, on_delete=models.PROTECT, related_name="quantity_reports", verbose_name=_("job order")
    )
    production_line = models.ForeignKey(
        ProductionLine, on_delete=models.PROTECT, related_name="+", verbose_name=_("production line")
    )
    good = models.DecimalField(_("good"), max_digits=12, decimal_places=4, default=0)
    scrap = models.DecimalField(_("scrap"), max_digits=12, decimal_places=4, default=0)
    rework = models.DecimalField(_("rework"), max_digits=12, decimal_places=4, default=0)
    reason = models.ForeignKey(
        ReasonCode,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reason"),
    )
    comment = models.CharField(_("comment"), max_length=500, blank=True)
    reported_at = models.DateTimeField(_("reported at"))
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("reported by")
    )
    source = models.CharField(_("source"), max_length=10, choices=StateSource)
    # Chosen by the client: the second click and the retried request find the first one's report.
    client_token = models.UUIDField(_("client token"), default=uuid7, unique=True)
    reverses = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reversed_by",
        verbose_name=_("reverses"),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("quantity report")
        verbose_name_plural = _("quantity reports")
        permissions = [("report_quantity", gettext_noop("Can report quantities"))]
        indexes = [
            models.Index(fields=["production_line", "reported_at"], name="quantityreport_line_at"),
            models.Index(fields=["job_order", "reported_at"], name="quantityreport_job_at"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(reverses__isnull=False) | Q(good__gte=0, scrap__gte=0, rework__gte=0),
                name="quantityreport_not_negative",
                violation_error_message=_("Quantities must not be negative."),
            ),
            models.CheckConstraint(
                condition=~Q(good=0, scrap=0, rework=0),
                name="quantityreport_not_empty",
                violation_error_message=_("Enter at least one piece."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.good:f} / {self.scrap:f} / {self.rework:f}"


class OperationRun(models.Model):
    """One piece going through one operation on one machine, with its true times.

    `flags` keeps what is odd about the data (overlap, counter jump, re-run) as facts; nothing is smoothed over.
    """

    LINE: ClassVar[str] = "job_order__production_line"

    id = models.BigAutoField(primary_key=True)
    job_order = models.ForeignKey(JobOrder, on_delete=models.PROTECT, related_name="runs", verbose_name=_("job order"))
    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="runs", verbose_name=_("equipment"))
    piece = models.CharField(_("piece"), max_length=50)
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"))
    active_seconds = models.DecimalField(_("active time (s)"), max_digits=12, decimal_places=3, null=True)
    details = models.JSONField(_("details"), default=dict)
    flags = models.JSONField(_("flags"), default=list)
    source = models.CharField(_("source"), max_length=10, choices=StateSource)

    class Meta:
        verbose_name = _("operation run")
        verbose_name_plural = _("operation runs")
        indexes = [models.Index(fields=["equipment", "started_at"], name="operationrun_equipment")]
        constraints = [
            models.UniqueConstraint(fields=["job_order", "piece", "started_at"], name="operationrun_once"),
            models.CheckConstraint(
                condition=Q(ended_at__gte=F("started_at")),
                name="operationrun_end_not_before_start",
                violation_error_message=_("The end must not lie before the start."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_order_id} #{self.piece}"
