"""Months of the journal that lie in files, and what became of them here (`audit/sql/0014_archive`)."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from audit.models.verification import Verdict


class JournalArchive(models.Model):
    """One file that holds a month of the journal, as far as it was sealed in one epoch. Written once, never edited."""

    id = models.BigAutoField(primary_key=True)
    month = models.DateField(_("month"))  # its first day, UTC
    epoch = models.IntegerField(_("epoch"))
    entries = models.BigIntegerField(_("entries"))
    first_leaf = models.BigIntegerField(_("first leaf"))
    last_leaf = models.BigIntegerField(_("last leaf"))
    leaves_digest = models.CharField(_("digest of the leaves"), max_length=64)  # `journal_chain` over them
    name = models.CharField(_("file"), max_length=100)
    place = models.CharField(_("written to"), max_length=500)
    sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)
    checkpoint_size = models.BigIntegerField(_("entries sealed"))
    checkpoint = models.TextField(_("signed checkpoint"))
    archived_at = models.DateTimeField(_("archived at"), db_default=Now())
    archived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("archived by")
    )

    class Meta:
        verbose_name = _("archive of the journal")
        verbose_name_plural = _("archives of the journal")
        default_permissions = ("add", "view")
        indexes = [models.Index(fields=["month", "epoch"], name="journalarchive_month")]

    def __str__(self) -> str:
        return self.name


class ArchiveCheck(models.Model):
    """That an archive was read again, and what the verifier that lies in it said."""

    id = models.BigAutoField(primary_key=True)
    archive = models.ForeignKey(
        JournalArchive, on_delete=models.PROTECT, related_name="checks", verbose_name=_("archive of the journal")
    )
    checked_at = models.DateTimeField(_("checked at"), db_default=Now())
    verdict = models.CharField(_("verdict"), max_length=12, choices=Verdict)
    detail = models.TextField(_("detail"), blank=True)

    class Meta:
        verbose_name = _("check of an archive")
        verbose_name_plural = _("checks of archives")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["archive", "-checked_at"], name="archivecheck_newest")]

    def __str__(self) -> str:
        return f"{self.archive} · {self.checked_at:%Y-%m-%d %H:%M} UTC"


class MonthStep(models.TextChoices):
    DETACHED = "detached", _("Taken out of the journal, kept beside it")
    DROPPED = "dropped", _("Only in the archive")


class JournalMonth(models.Model):
    """What became of a month of the journal in this database; the functions that do it write it (`audit/sql/0013`)."""

    id = models.BigAutoField(primary_key=True)
    month = models.DateField(_("month"))
    step = models.CharField(_("step"), max_length=10, choices=MonthStep)
    entries = models.BigIntegerField(_("entries"))
    at = models.DateTimeField(_("at"), db_default=Now())
    actor_name = models.CharField(_("printed name"), max_length=200)
    reason = models.TextField(_("reason"))

    class Meta:
        verbose_name = _("month taken out of the journal")
        verbose_name_plural = _("months taken out of the journal")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["month", "step"], name="journalmonth_step_once")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} · {self.get_step_display()}"
