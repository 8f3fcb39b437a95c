from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from audit.models import AuditedModel
from equipment.models import ProductionLine
from inventory.models import Material
from production.enums import ACTIVE_STATUSES, WorkOrderStatus

NUMBER_STARTS_WITH_WO = _("A work order number starts with WO.")


class Batch(AuditedModel):
    """A quantity made together and identified by one number."""

    batch_number = models.CharField(_("batch number"), max_length=50, unique=True)
    product = models.ForeignKey(Material, on_delete=models.PROTECT, related_name="batches", verbose_name=_("product"))

    class Meta:
        db_table = "batches"
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        indexes = [GinIndex(OpClass(Upper("batch_number"), name="gin_trgm_ops"), name="ix_batch_number_contains")]

    def __str__(self) -> str:
        return self.batch_number

    @classmethod
    def on_lines(cls, lines: frozenset[UUID]) -> Q:
        """With its orders; one without any yet is still to be given to one."""
        orders = WorkOrder.objects.filter(batch=models.OuterRef("pk"))
        return models.Exists(orders.filter(WorkOrder.on_lines(lines))) | ~models.Exists(orders)


class WorkOrderQuerySet(models.QuerySet["WorkOrder"]):
    def active(self) -> "WorkOrderQuerySet":
        return self.filter(status__in=ACTIVE_STATUSES)


class WorkOrder(AuditedModel):
    """An order to make `planned_quantity` of one product.

    `status` and the actual times change only through `production.services.work_orders`.
    """

    DERIVED_FIELDS = ("actual_quantity",)  # sum of the quantity reports, which are the evidence
    LINE: ClassVar[str] = "production_line"  # whose account changes the order
    # Who writes one of these is the author of what is signed; operations are copied from the routing unchanged
    SIGNED_COLUMNS: ClassVar[tuple[str, ...]] = (
        "work_order_number",
        "product_id",
        "batch_id",
        "production_line_id",
        "planned_quantity",
        "uom",
        "priority",
        "scheduled_start",
        "scheduled_end",
        "manufacturing_parameters",
        "quality_requirements",
        "special_instructions",
    )

    work_order_number = models.CharField(
        _("work order number"),
        max_length=50,
        validators=[RegexValidator(r"^WO", NUMBER_STARTS_WITH_WO)],
    )
    product = models.ForeignKey(
        Material, on_delete=models.PROTECT, related_name="work_orders", verbose_name=_("product")
    )
    production_line = models.ForeignKey(
        ProductionLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="work_orders",
        verbose_name=_("production line"),
    )
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="work_orders",
        verbose_name=_("batch"),
    )
    planned_quantity = models.DecimalField(_("planned quantity"), max_digits=12, decimal_places=4)
    actual_quantity = models.DecimalField(
        _("good quantity"), max_digits=12, decimal_places=4, null=True, blank=True, editable=False
    )
    uom = models.CharField(_("unit"), max_length=10, default="pcs")
    status = models.CharField(
        _("status"), max_length=20, choices=WorkOrderStatus, default=WorkOrderStatus.CREATED, editable=False
    )
    status_before_hold = models.CharField(max_length=20, choices=WorkOrderStatus, blank=True, editable=False)
    priority = models.PositiveSmallIntegerField(
        _("priority"),
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(10)],
        help_text=_("1 first, 10 last."),
    )
    scheduled_start = models.DateTimeField(_("scheduled start"))
    scheduled_end = models.DateTimeField(_("scheduled end"))
    actual_start = models.DateTimeField(_("actual start"), null=True, blank=True, editable=False)
    actual_end = models.DateTimeField(_("actual end"), null=True, blank=True, editable=False)
    manufacturing_parameters = models.JSONField(_("manufacturing parameters"), null=True, blank=True)
    quality_requirements = models.JSONField(_("quality requirements"), null=True, blank=True)
    special_instructions = models.TextField(_("special instructions"), null=True, blank=True)
    electronic_signature = models.JSONField(_("signature summary"), null=True, blank=True, editable=False)
    data_integrity_hash = models.CharField(_("integrity digest"), max_length=64, null=True, editable=False)

    objects = WorkOrderQuerySet.as_manager()

    class Meta:
        db_table = "work_orders"
        verbose_name = _("work order")
        verbose_name_plural = _("work orders")
        permissions = [
            ("plan_workorder", gettext_noop("Can plan a work order")),
            ("release_workorder", gettext_noop("Can release a work order")),
            ("hold_workorder", gettext_noop("Can hold and resume a work order")),
            ("complete_workorder", gettext_noop("Can complete a work order")),
            ("cancel_workorder", gettext_noop("Can cancel a work order")),
        ]
        # Django caps index names at 30 characters: ix_wo_… stands for the ix_work_orders_… of DBO-71, 72, 95.
        indexes = [
            models.Index(fields=["status", "priority"], name="ix_wo_status_priority"),
            models.Index(fields=["scheduled_start", "scheduled_end"], name="ix_wo_scheduled_dates"),
            models.Index(fields=["production_line", "status"], name="ix_wo_production_line_status"),
            models.Index(fields=["batch", "product"], name="ix_wo_batch_traceability"),
            models.Index(fields=["status"], condition=Q(status__in=ACTIVE_STATUSES), name="ix_wo_active"),
            # a partial index may not use today's date, so the date is an ordinary column here
            models.Index(fields=["status", "scheduled_start"], name="ix_wo_current_date"),
            models.Index(
                fields=["production_line", "scheduled_start", "status"],
                condition=Q(status__in=ACTIVE_STATUSES),
                name="ix_wo_production_scheduling",
            ),
            models.Index(fields=["-scheduled_start", "id"], name="ix_wo_newest_first"),
            # A line's orders of one day, for the key figures
            models.Index(fields=["production_line", "actual_end"], name="ix_wo_line_actual_end"),
            models.Index(fields=["production_line", "scheduled_start"], name="ix_wo_line_scheduled_start"),
            # The search: a part of the number in any case, as Django writes `icontains`
            GinIndex(OpClass(Upper("work_order_number"), name="gin_trgm_ops"), name="ix_wo_number_contains"),
            # The completed ones, last first
            models.Index(fields=["-actual_end"], condition=Q(status=WorkOrderStatus.COMPLETED), name="ix_wo_completed"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["work_order_number"],
                name="workorder_number_unique",
                violation_error_message=_("This work order number already exists."),
            ),
            models.CheckConstraint(
                condition=Q(work_order_number__startswith="WO"),
                name="workorder_number_starts_with_wo",
                violation_error_message=NUMBER_STARTS_WITH_WO,
            ),
            models.CheckConstraint(condition=Q(status__in=WorkOrderStatus.values), name="workorder_status_known"),
            models.CheckConstraint(
                condition=Q(planned_quantity__gt=0),
                name="workorder_planned_quantity_positive",
                violation_error_message=_("The planned quantity must be greater than 0."),
            ),
            models.CheckConstraint(
                condition=Q(actual_quantity=None) | Q(actual_quantity__gte=0),
                name="workorder_actual_quantity_not_negative",
                violation_error_message=_("The completed quantity must be 0 or more."),
            ),
            models.CheckConstraint(
                condition=Q(scheduled_end__gt=F("scheduled_start")),
                name="workorder_scheduled_end_after_start",
                violation_error_message=_("The scheduled end must be after the scheduled start."),
            ),
            models.CheckConstraint(
                condition=Q(actual_end=None) | Q(actual_end__gte=F("actual_start")),
                name="workorder_actual_end_not_before_start",
                violation_error_message=_("The actual end must not lie before the actual start."),
            ),
            models.CheckConstraint(
                condition=Q(priority__gte=1, priority__lte=10),
                name="workorder_priority_1_to_10",
                violation_error_message=_("The priority is a number from 1 (first) to 10 (last)."),
            ),
            models.CheckConstraint(
                condition=Q(status__in=["created", "planned", "cancelled", "on_hold"])
                | Q(production_line__isnull=False),
                name="workorder_released_has_line",
                violation_error_message=_("A released order needs a production line."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.work_order_number} ({self.get_status_display()})"

    @classmethod
    def on_lines(cls, lines: frozenset[UUID]) -> Q:
        """Seen by the line of the order and by those that run an operation of it."""
        with_a_job = cls.objects.filter(job_orders__production_line__in=lines)
        return Q(production_line__in=lines) | Q(pk__in=with_a_job.values("pk"))

    @property
    def tolerated_quantity(self) -> Decimal:
        """The most pieces an operation of this order may report: plan plus the product's tolerance."""
        return self.planned_quantity * (1 + self.product.overproduction_tolerance / 100)

    def signed_name(self) -> str:
        return self.work_order_number

    def signed_content(self) -> dict[str, Any]:
        """What a release signature covers: what is to be made and how, not how far it got."""
        return {
            "work_order_number": self.work_order_number,
            "product_code": self.product.product_code,
            "product_version": self.product.product_version,
            "batch_number": self.batch.batch_number if self.batch else None,
            "production_line": self.production_line.line_code if self.production_line else None,
            "planned_quantity": self.planned_quantity,
            "uom": self.uom,
            "priority": self.priority,
            "scheduled_start": self.scheduled_start,
            "scheduled_end": self.scheduled_end,
            "manufacturing_parameters": self.manufacturing_parameters,
            "quality_requirements": self.quality_requirements,
            "special_instructions": self.special_instructions,
            "operations": [
                {
                    "sequence": job.sequence,
                    "name": job.operation_name,
                    "run_time_seconds": job.run_time_seconds,
                    "setup_time_seconds": job.setup_time_seconds,
                }
                for job in sorted(self.job_orders.all(), key=lambda job: job.sequence)
            ],
        }
