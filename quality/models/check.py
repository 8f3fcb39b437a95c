from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from audit.context import uuid7
from production.models import JobOrder, WorkOrder
from quality.enums import Verdict
from quality.fields import ExactDecimalField
from quality.models.characteristic import Characteristic


class QualityCheck(models.Model):
    """One inspection of one piece (or of an order); its result follows from its measurements.

    Written once. A doubtful check is repeated as another check; neither is altered.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    work_order = models.ForeignKey(
        WorkOrder, on_delete=models.PROTECT, related_name="quality_checks", verbose_name=_("work order")
    )
    job_order = models.ForeignKey(
        JobOrder,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="quality_checks",
        verbose_name=_("job order"),
    )
    piece = models.CharField(_("piece"), max_length=50, blank=True)
    test_type = models.CharField(_("test"), max_length=50)
    place = models.CharField(_("place"), max_length=50, blank=True, help_text=_("Laboratory or station."))
    result = models.CharField(_("result"), max_length=10, choices=Verdict, null=True, blank=True)
    performed_at = models.DateTimeField(_("performed at"))
    performed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("performed by")
    )
    comment = models.CharField(_("comment"), max_length=500, blank=True)
    client_token = models.UUIDField(_("client token"), default=uuid7, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        db_table = "quality_checks"
        verbose_name = _("quality check")
        verbose_name_plural = _("quality checks")
        permissions = [("record_check", gettext_noop("Can record quality checks"))]
        indexes = [
            models.Index(
                "work_order",
                "test_type",
                "result",
                models.F("performed_at").desc(),
                condition=Q(result__isnull=False),
                name="idx_quality_checks_efficient",
            ),
            models.Index(fields=["-performed_at"], name="qualitycheck_newest_first"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(result=None) | Q(result__in=Verdict.values), name="qualitycheck_result_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.test_type} {self.piece}".strip()

    @classmethod
    def on_lines(cls, lines: frozenset[UUID]) -> Q:
        """Seen with its order."""
        return Q(work_order__in=WorkOrder.objects.filter(WorkOrder.on_lines(lines)).values("pk"))


class Measurement(models.Model):
    """One measured value with the limits that applied; the verdict is theirs, whatever a laboratory printed."""

    id = models.BigAutoField(primary_key=True)
    check_record = models.ForeignKey(
        QualityCheck, on_delete=models.PROTECT, related_name="measurements", verbose_name=_("quality check")
    )
    characteristic = models.ForeignKey(
        Characteristic,
        on_delete=models.PROTECT,
        related_name="measurements",
        verbose_name=_("characteristic"),
    )
    value = ExactDecimalField(_("value"))
    lower_limit = ExactDecimalField(_("lower limit (LSL)"), null=True)
    upper_limit = ExactDecimalField(_("upper limit (USL)"), null=True)
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict, null=True)
    reported_status = models.CharField(
        _("status as delivered"),
        max_length=20,
        blank=True,
        help_text=_("What the source said, if it said anything."),
    )

    class Meta:
        verbose_name = _("measurement")
        verbose_name_plural = _("measurements")
        indexes = [models.Index(fields=["characteristic", "id"], name="measurement_characteristic")]
        constraints = [
            models.UniqueConstraint(
                fields=["check_record", "characteristic"],
                name="measurement_once_per_check",
                violation_error_message=_("A characteristic can be measured only once per check."),
            ),
            models.CheckConstraint(
                condition=Q(verdict=None) | Q(verdict__in=Verdict.values), name="measurement_verdict_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value}"

    @classmethod
    def on_lines(cls, lines: frozenset[UUID]) -> Q:
        """Seen with the order of its check."""
        orders = WorkOrder.objects.filter(WorkOrder.on_lines(lines)).values("pk")
        return Q(check_record__work_order__in=orders)
