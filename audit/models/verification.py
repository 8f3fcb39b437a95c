from django.db import models
from django.utils.translation import gettext_lazy as _


class Verdict(models.TextChoices):
    INTACT = "intact", _("Intact")
    ALTERED = "altered", _("Altered")
    UNCHECKED = "not checked", _("Not checked")


class VerificationRun(models.Model):
    """One verification of log, records and database. Append-only, and in the journal itself: none is taken away."""

    id = models.BigAutoField(primary_key=True)
    begun = models.DateTimeField(_("begun"))
    ended = models.DateTimeField(_("ended"))
    log = models.CharField(_("Is the log intact?"), max_length=12, choices=Verdict)
    records = models.CharField(_("Are the records intact?"), max_length=12, choices=Verdict)
    database = models.CharField(_("Does the database equal the log?"), max_length=12, choices=Verdict)
    entries = models.BigIntegerField(_("entries"))
    epoch = models.IntegerField(_("epoch"))
    checkpoint_size = models.BigIntegerField(_("entries sealed"))
    findings_count = models.IntegerField(_("number of findings"))
    findings = models.JSONField(_("findings"), default=list)  # the first 100

    class Meta:
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")
        indexes = [models.Index(fields=["-ended"], name="verificationrun_ended")]

    def __str__(self) -> str:
        return f"{self.ended:%Y-%m-%d %H:%M} UTC"

    @property
    def is_intact(self) -> bool:
        return {self.log, self.records, self.database} == {Verdict.INTACT}
