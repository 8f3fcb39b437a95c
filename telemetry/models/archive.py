from django.db import models
from django.utils.translation import gettext_lazy as _


class ReadingArchive(models.Model):
    """A day of readings as a Parquet file. Its digest is in the journal: a file that was changed says so.

    A day that got readings after it was archived is archived again; the newest row counts.
    """

    id = models.BigAutoField(primary_key=True)
    day = models.DateField(_("day"), help_text=_("UTC."))
    file_name = models.CharField(_("file"), max_length=100, unique=True)
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.BigIntegerField(_("bytes"))
    readings = models.BigIntegerField(_("readings"))
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("archived day")
        verbose_name_plural = _("archived days")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["day", "-id"], name="readingarchive_day")]

    def __str__(self) -> str:
        return self.file_name
