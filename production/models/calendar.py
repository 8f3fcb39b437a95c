from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel
from equipment.models import ProductionLine


def every_day() -> list[int]:
    return [1, 2, 3, 4, 5, 6, 7]


class Shift(AuditedModel):
    """The pattern of a shift in plant time; an end at or before the start means the next morning."""

    LINE: ClassVar[str] = "line"

    name = models.CharField(_("name"), max_length=50)
    line = models.ForeignKey(
        ProductionLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="shifts",
        verbose_name=_("production line"),
        help_text=_("Empty: every line."),
    )
    start_time = models.TimeField(_("start"))
    end_time = models.TimeField(_("end"))
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(7)]),
        default=every_day,
        verbose_name=_("weekdays"),
        help_text=_("1 Monday to 7 Sunday."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def on_lines(cls, lines: frozenset[UUID]) -> Q:
        """A shift of every line is one of these lines as well; changing it is not their business (`LINE`)."""
        return Q(line=None) | Q(line__in=lines)


class ScheduledShift(models.Model):
    """A shift on a day, as planned operation time of a line. Removing a row is a day off."""

    LINE: ClassVar[str] = "line"

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        ProductionLine,
        on_delete=models.PROTECT,
        related_name="scheduled_shifts",
        verbose_name=_("production line"),
    )
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, related_name="scheduled", verbose_name=_("shift"))
    production_date = models.DateField(_("production day"))
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    is_cancelled = models.BooleanField(_("cancelled"), default=False, help_text=_("A holiday or a day without work."))

    class Meta:
        verbose_name = _("scheduled shift")
        verbose_name_plural = _("scheduled shifts")
        indexes = [models.Index(fields=["line", "starts_at"], name="scheduledshift_line_starts")]
        constraints = [
            models.UniqueConstraint(fields=["line", "shift", "production_date"], name="scheduledshift_once_a_day"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="scheduledshift_ends_after_start",
                violation_error_message=_("The end must be after the start."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.production_date} {self.shift_id}"
