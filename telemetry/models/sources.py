from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.models import AuditedModel

KEY_PREFIX = 8  # letters of a key that are kept readable, to tell keys apart


class DataSource(AuditedModel):
    """Where readings come from: a gateway, a PLC, a collector, an importer. Its names of series are its own."""

    code = models.SlugField(_("code"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=100)
    points_per_second = models.PositiveIntegerField(
        _("readings a second at most"),
        default=200_000,
        validators=[MinValueValidator(1), MaxValueValidator(10_000_000)],
        help_text=_("What is more is told to come again later (429)."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("data source")
        verbose_name_plural = _("data sources")
        constraints = [
            models.CheckConstraint(
                condition=Q(points_per_second__gte=1),
                name="datasource_takes_something",
                violation_error_message=_("A source that may send nothing is switched off instead."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class DeviceKey(AuditedModel):
    """What a device shows to send readings of one source. Kept as SHA-256: the key itself is seen once.

    Two may be in use at a time, so that a device can change over.
    """

    source = models.ForeignKey(DataSource, on_delete=models.PROTECT, related_name="keys", verbose_name=_("data source"))
    label = models.CharField(_("label"), max_length=100, help_text=_("The device that holds it."))
    prefix = models.CharField(_("begins with"), max_length=KEY_PREFIX, editable=False)
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("device key")
        verbose_name_plural = _("device keys")
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return f"{self.label} ({self.prefix}…)"
