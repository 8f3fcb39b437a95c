from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from telemetry.enums import HeldBack, Quality
from telemetry.models.series import KEY_LENGTH
from telemetry.models.sources import DataSource


class HeldBackSeries(models.Model):
    """A name of which readings came that could not be put into a series, and why. A person decides about it."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(DataSource, on_delete=models.PROTECT, related_name="+", verbose_name=_("data source"))
    source_key = models.CharField(_("name at the source"), max_length=KEY_LENGTH)
    reason = models.CharField(_("reason"), max_length=10, choices=HeldBack)
    first_at = models.DateTimeField(_("first received"))
    last_at = models.DateTimeField(_("last received"))
    readings = models.BigIntegerField(_("readings"), default=0)  # that came
    kept = models.BigIntegerField(_("of these held back"), default=0)
    example = models.CharField(_("example"), max_length=200)

    class Meta:
        verbose_name = _("series held back")
        verbose_name_plural = _("series held back")
        default_permissions = ("view",)
        permissions = [("map_series", gettext_noop("Can decide about readings that were held back"))]
        constraints = [
            models.UniqueConstraint(fields=["source", "source_key", "reason"], name="heldback_once"),
            models.CheckConstraint(condition=models.Q(reason__in=HeldBack.values), name="heldback_reason_known"),
        ]
        indexes = [models.Index(fields=["-last_at"], name="heldback_newest")]

    def __str__(self) -> str:
        return self.source_key


class HeldBackReading(models.Model):
    """A reading as it was received. `sent_at` and `value` are empty where they could not be read."""

    id = models.BigAutoField(primary_key=True)
    series = models.ForeignKey(
        HeldBackSeries, on_delete=models.PROTECT, related_name="readings_held", verbose_name=_("name at the source")
    )
    received_at = models.DateTimeField(_("received at"))
    sent_at = models.DateTimeField(_("sent at"), null=True)
    value = models.FloatField(_("value"), null=True)
    quality = models.SmallIntegerField(_("quality"), choices=Quality)
    text = models.CharField(_("text"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("reading held back")
        verbose_name_plural = _("readings held back")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.series_id} {self.sent_at}"
