from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel


class Material(AuditedModel):
    """A material definition; a product is a material that is made here."""

    product_code = models.CharField(_("product code"), max_length=50, unique=True)
    product_name = models.CharField(_("product name"), max_length=200)
    product_type = models.CharField(_("product type"), max_length=50)
    product_version = models.CharField(_("product version"), max_length=20, default="1.0")
    uom = models.CharField(_("unit"), max_length=10, default="pcs")
    is_active = models.BooleanField(_("active"), default=True)
    standard_cycle_time = models.DecimalField(
        _("standard cycle time (min)"), max_digits=12, decimal_places=4, null=True, blank=True
    )
    target_yield_rate = models.DecimalField(
        _("target yield (%)"), max_digits=5, decimal_places=2, default=Decimal("95")
    )
    overproduction_tolerance = models.DecimalField(
        _("over-production tolerance (%)"), max_digits=5, decimal_places=2, default=Decimal("0")
    )

    class Meta:
        db_table = "materials"
        verbose_name = _("material")
        verbose_name_plural = _("materials")
        constraints = [
            models.CheckConstraint(
                condition=Q(standard_cycle_time=None) | Q(standard_cycle_time__gt=0),
                name="material_cycle_time_positive",
                violation_error_message=_("The standard cycle time must be greater than 0."),
            ),
            models.CheckConstraint(
                condition=Q(target_yield_rate__gte=0, target_yield_rate__lte=100),
                name="material_yield_is_percentage",
                violation_error_message=_("The target yield is a percentage between 0 and 100."),
            ),
            models.CheckConstraint(
                condition=Q(overproduction_tolerance__gte=0, overproduction_tolerance__lte=100),
                name="material_tolerance_is_percentage",
                violation_error_message=_("The tolerance is a percentage between 0 and 100."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_code} {self.product_name}"
