from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel
from equipment.models import ProductionLine
from inventory.models import Material


class Routing(AuditedModel):
    """How a product is made: its operations in order. One revision is active; orders copy it when planned."""

    product = models.ForeignKey(Material, on_delete=models.PROTECT, related_name="routings", verbose_name=_("product"))
    revision = models.CharField(_("revision"), max_length=20, default="A")
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("routing")
        verbose_name_plural = _("routings")
        constraints = [
            models.UniqueConstraint(
                fields=["product", "revision"],
                name="routing_revision_unique_per_product",
                violation_error_message=_("This product already has a routing with this revision."),
            ),
            models.UniqueConstraint(
                fields=["product"],
                condition=Q(is_active=True),
                name="routing_one_active_per_product",
                violation_error_message=_("This product already has an active routing."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} · {self.revision}"


class RoutingOperation(AuditedModel):
    """One step of a routing with its standard times (ISO 22400: PRI per piece, PUST per order)."""

    routing = models.ForeignKey(Routing, on_delete=models.PROTECT, related_name="operations", verbose_name=_("routing"))
    sequence = models.PositiveSmallIntegerField(_("sequence"))
    name = models.CharField(_("operation"), max_length=100)
    run_time_seconds = models.DecimalField(_("run time per piece (s)"), max_digits=12, decimal_places=3)
    setup_time_seconds = models.DecimalField(_("setup time (s)"), max_digits=12, decimal_places=3, default=0)
    production_line = models.ForeignKey(
        ProductionLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("production line"),
        help_text=_("Empty: the line of the order."),
    )

    class Meta:
        verbose_name = _("routing operation")
        verbose_name_plural = _("routing operations")
        constraints = [
            models.UniqueConstraint(
                fields=["routing", "sequence"],
                name="routingoperation_sequence_unique",
                violation_error_message=_("This routing already has an operation with this sequence."),
            ),
            models.CheckConstraint(
                condition=Q(run_time_seconds__gt=0),
                name="routingoperation_run_time_positive",
                violation_error_message=_("The run time per piece must be greater than 0."),
            ),
            models.CheckConstraint(
                condition=Q(setup_time_seconds__gte=0),
                name="routingoperation_setup_time_not_negative",
                violation_error_message=_("The setup time must not be negative."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.name}"
