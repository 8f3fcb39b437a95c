"""The watch over the evidence: what it found wrong, when it last looked, and what others certify about the log."""

from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.context import uuid7
from audit.models.security import Outbox


class IncidentKind(models.TextChoices):
    SEAL_LAG = "seal_lag", _("Entries wait too long for their seal")
    WITNESS = "witness", _("A witness contradicts, or cannot be asked")
    PARTITIONS = "partitions", _("The journal has no month left to write into")
    VERIFICATION = "verification", _("The verification is not clean")


class Incident(models.Model):
    """Something that keeps the evidence from being trusted, from when it was noticed until it was over.

    One is open at a time for a kind and subject: the database says so, whoever watches. Told once, by `message`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=20, choices=IncidentKind.choices)
    subject = models.CharField(_("subject"), max_length=300, blank=True)  # which witness, which findings
    facts = models.JSONField(_("facts"), default=dict)
    began_at = models.DateTimeField(_("noticed at"), default=timezone.now)
    ended_at = models.DateTimeField(_("over at"), null=True)
    message = models.ForeignKey(Outbox, on_delete=models.PROTECT, related_name="+", verbose_name=_("message"))

    class Meta:
        verbose_name = _("incident of the evidence")
        verbose_name_plural = _("incidents of the evidence")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=models.Q(ended_at=None), name="incident_open_once"
            )
        ]

    def __str__(self) -> str:
        return " · ".join(filter(None, [str(IncidentKind(self.kind).label), self.subject]))

    @classmethod
    def on_lines(cls, _lines: Any) -> models.Q:
        """What a verification found may name records of any line."""
        return models.Q(pk__in=[])


class Heartbeat(models.Model):
    """What a background task saw when it last looked: overwritten each time, so that pages need not look themselves.

    A witness may lie on a share that hangs, and coverage reads whole tables: no page waits for either.
    """

    name = models.CharField(primary_key=True, max_length=20)
    at = models.DateTimeField(_("at"))
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


class Timestamp(models.Model):
    """A token of a time stamping authority (RFC 3161) over one signed checkpoint. Append-only."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("received at"), db_default=Now())
    epoch = models.IntegerField(_("epoch"))
    size = models.BigIntegerField(_("entries sealed"))
    digest = models.CharField(_("digest of the checkpoint (SHA-256)"), max_length=64)
    certified_at = models.DateTimeField(_("certified time"))
    authority = models.CharField(_("authority"), max_length=300)
    serial = models.CharField(_("serial number"), max_length=100)
    token = models.BinaryField(_("answer of the authority"))

    class Meta:
        verbose_name = _("timestamp")
        verbose_name_plural = _("timestamps")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["epoch", "size"], name="timestamp_once_a_checkpoint")]

    def __str__(self) -> str:
        return f"{self.epoch}-{self.size} · {self.certified_at:%Y-%m-%d %H:%M} UTC"
