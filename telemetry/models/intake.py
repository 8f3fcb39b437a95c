from django.db import models
from django.utils.translation import gettext_lazy as _

from telemetry.models.sources import DataSource


class Intake(models.Model):
    """What one process took in from one source in one minute; counted in the transaction that stored it.

    A row a process, so that processes never wait for each other.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(DataSource, on_delete=models.PROTECT, related_name="+", verbose_name=_("data source"))
    minute = models.DateTimeField(_("minute"))
    process = models.UUIDField(editable=False)
    stored = models.BigIntegerField(_("stored"), default=0)
    duplicates = models.BigIntegerField(_("known already"), default=0)
    late = models.BigIntegerField(_("late"), default=0)
    not_good = models.BigIntegerField(_("not good"), default=0)
    held_back = models.BigIntegerField(_("held back"), default=0)
    refused = models.BigIntegerField(_("refused"), default=0)
    last_at = models.DateTimeField(_("last received"))

    class Meta:
        verbose_name = _("intake of a minute")
        verbose_name_plural = _("intake by minute")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["source", "minute", "process"], name="intake_once")]
        indexes = [models.Index(fields=["minute"], name="intake_minute")]

    def __str__(self) -> str:
        return f"{self.source_id} {self.minute:%Y-%m-%d %H:%M}"
