"""How long records are kept, and what is kept regardless. The database enforces both (`audit/sql/0013_retention`)."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from audit.context import uuid7
from audit.models.base import AuditedModel
from audit.record_types import type_label

LONGEST_POLICY = 100


class RetentionPolicy(AuditedModel):
    """For how many years after its last change a record of this type is kept."""

    record_type = models.CharField(_("record type"), max_length=63, unique=True)  # the name of its table
    years = models.PositiveSmallIntegerField(_("years"))
    basis = models.TextField(_("basis"), help_text=_("The rule or contract that asks for it."))

    class Meta:
        verbose_name = _("retention policy")
        verbose_name_plural = _("retention policies")
        permissions = [("dispose_records", _("Can dispose of records past their years"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(years__gte=1) & Q(years__lte=LONGEST_POLICY),
                name="retentionpolicy_years",
                violation_error_message=_("Between 1 and 100 years."),
            ),
        ]

    def __str__(self) -> str:
        return type_label(self.record_type)


class LegalHold(models.Model):
    """Nothing it covers is deleted while it holds: one record, all of a type, or everything. Lifted, never edited."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    record_type = models.CharField(_("record type"), max_length=63, blank=True)  # "": everything
    record_key = models.CharField(_("record key"), max_length=100, blank=True)  # "": every record of the type
    reason = models.TextField(_("reason"))
    placed_at = models.DateTimeField(_("placed at"), db_default=Now())
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("placed by")
    )
    lifted_at = models.DateTimeField(_("lifted at"), null=True, editable=False)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("lifted by"),
    )
    lift_reason = models.TextField(_("reason for lifting"), blank=True, editable=False)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        default_permissions = ("view",)
        permissions = [
            ("place_legalhold", _("Can place legal holds")),
            ("lift_legalhold", _("Can lift legal holds")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(record_type="") | Q(record_key=""),
                name="legalhold_key_needs_type",
                violation_error_message=_("A key needs its record type."),
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None, lift_reason="")
                | Q(lifted_at__isnull=False, lifted_by__isnull=False) & ~Q(lift_reason=""),
                name="legalhold_lifted_whole",
                violation_error_message=_("A lifted hold says when, by whom and why."),
            ),
        ]
        indexes = [
            models.Index(fields=["record_type", "record_key"], name="legalhold_active", condition=Q(lifted_at=None))
        ]

    def __str__(self) -> str:
        if not self.record_type:
            return str(_("Everything"))
        return " ".join(filter(None, (type_label(self.record_type), self.record_key)))
