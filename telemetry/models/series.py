from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel
from equipment.models import Equipment
from telemetry.models.sources import DataSource

KEY_LENGTH = 500


class NextNumber(Func):
    template = "nextval('telemetry_series_number')"
    output_field = models.IntegerField()


class Series(AuditedModel):
    """One quantity of one machine over time, and what its source promised about it.

    `number` is the key of its readings: small, because there is one in each of them.
    """

    LINE: ClassVar[str] = "equipment__line"

    number = models.IntegerField(unique=True, editable=False, db_default=NextNumber())
    equipment = models.ForeignKey(
        Equipment, on_delete=models.PROTECT, related_name="series", verbose_name=_("equipment")
    )
    sensor_type = models.CharField(_("sensor type"), max_length=50, help_text=_("E.g. temperature, spindle_load."))
    name = models.CharField(_("name"), max_length=100)
    unit = models.CharField(_("unit"), max_length=10, blank=True)
    source = models.ForeignKey(
        DataSource, on_delete=models.PROTECT, related_name="series", verbose_name=_("data source")
    )
    source_key = models.CharField(
        _("name at the source"),
        max_length=KEY_LENGTH,
        help_text=_("As the source sends it: a topic, a node, “measurement,tag=value field” of line protocol."),
    )
    expected_interval = models.FloatField(
        _("expected every (s)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.001)],
        help_text=_("How often the source promises a reading. Empty: whenever something changes."),
    )
    minimum = models.FloatField(
        _("lowest possible value"), null=True, blank=True, help_text=_("What is outside is kept and marked bad.")
    )
    maximum = models.FloatField(_("highest possible value"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"],
                name="series_once_at_its_source",
                violation_error_message=_("This source has a series of that name already."),
            ),
            models.CheckConstraint(
                condition=Q(expected_interval=None) | Q(expected_interval__gt=0),
                name="series_interval_is_positive",
                violation_error_message=_("The interval is more than 0 seconds."),
            ),
            models.CheckConstraint(
                condition=Q(minimum=None) | Q(maximum=None) | Q(minimum__lt=F("maximum")),
                name="series_range_is_one",
                violation_error_message=_("The lowest possible value lies below the highest."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.equipment.code} {self.name}"
