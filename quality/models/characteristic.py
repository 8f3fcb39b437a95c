from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel
from inventory.models import Material
from quality.fields import ExactDecimalField


class Characteristic(AuditedModel):
    """A property of a product that is measured, with its specification limits."""

    product = models.ForeignKey(
        Material, on_delete=models.PROTECT, related_name="characteristics", verbose_name=_("product")
    )
    code = models.CharField(_("code"), max_length=50)
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=50, blank=True)
    operation_sequence = models.PositiveSmallIntegerField(
        _("measured after operation"), null=True, blank=True, help_text=_("Empty: on the finished piece.")
    )
    unit = models.CharField(_("unit"), max_length=10, default="mm")
    target = ExactDecimalField(_("target"), null=True, blank=True)
    lower_limit = ExactDecimalField(_("lower limit (LSL)"), null=True, blank=True)
    upper_limit = ExactDecimalField(_("upper limit (USL)"), null=True, blank=True)
    is_informational = models.BooleanField(
        _("informational"), default=False, help_text=_("Recorded, but it decides no verdict.")
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("characteristic")
        verbose_name_plural = _("characteristics")
        constraints = [
            models.UniqueConstraint(
                fields=["product", "code"],
                name="characteristic_code_unique_per_product",
                violation_error_message=_("This product already has a characteristic with this code."),
            ),
            models.CheckConstraint(
                condition=Q(lower_limit=None) | Q(upper_limit=None) | Q(lower_limit__lt=F("upper_limit")),
                name="characteristic_lower_below_upper",
                violation_error_message=_("The lower limit must be below the upper limit."),
            ),
            models.CheckConstraint(
                condition=Q(is_informational=True) | Q(lower_limit__isnull=False) | Q(upper_limit__isnull=False),
                name="characteristic_has_a_limit",
                violation_error_message=_("Give at least one limit, or mark the characteristic as informational."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
