"""ISA-95 equipment hierarchy: site, area, production line (work center), equipment (work unit)."""

import datetime as dt
import zoneinfo
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("“%(name)s” is not a known time zone, e.g. Asia/Tokyo."), params={"name": name})


class Site(AuditedModel):
    """The plant. One instance of Genba serves one site, so there is one row."""

    code = models.CharField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=100)
    time_zone = models.CharField(_("time zone"), max_length=50, validators=[validate_time_zone])
    production_day_start = models.TimeField(
        _("production day begins at"),
        default=dt.time(0, 0),
        help_text=_("Plant time. A night shift belongs to the day it began in."),
    )
    singleton = models.BooleanField(default=True, editable=False, unique=True)

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        constraints = [models.CheckConstraint(condition=Q(singleton=True), name="site_is_one")]

    def __str__(self) -> str:
        return self.name

    @property
    def tz(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


class Area(AuditedModel):
    """Part of the site, e.g. a hall."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="areas", verbose_name=_("site"))
    code = models.CharField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("area")
        verbose_name_plural = _("areas")

    def __str__(self) -> str:
        return self.name


class ProductionLine(AuditedModel):
    """A production line (work center). Its present state is its open state interval, not a field here."""

    LINE: ClassVar[str] = "pk"

    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="lines", verbose_name=_("area"))
    line_code = models.CharField(_("line code"), max_length=20, unique=True)
    line_name = models.CharField(_("line name"), max_length=100)
    capacity_per_hour = models.PositiveIntegerField(_("capacity per hour"), null=True, blank=True)
    efficiency_rate = models.DecimalField(
        _("target OEE (%)"),
        max_digits=5,
        decimal_places=2,
        default=85,
        help_text=_("Shown as the target on the board."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        db_table = "production_lines"
        verbose_name = _("production line")
        verbose_name_plural = _("production lines")
        constraints = [
            models.CheckConstraint(
                condition=Q(efficiency_rate__gte=0, efficiency_rate__lte=100),
                name="productionline_target_is_percentage",
                violation_error_message=_("The target is a percentage between 0 and 100."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_code} {self.line_name}"


class Equipment(AuditedModel):
    """A machine or station of a line (work unit)."""

    LINE: ClassVar[str] = "line"

    line = models.ForeignKey(
        ProductionLine, on_delete=models.PROTECT, related_name="equipment", verbose_name=_("production line")
    )
    code = models.CharField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=50, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("equipment")
        verbose_name_plural = _("equipment")

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
