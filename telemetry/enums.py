from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Quality(models.IntegerChoices):
    """How far a reading can be trusted, as OPC UA tells it."""

    GOOD = 0, pgettext_lazy("reading", "Good")
    UNCERTAIN = 1, _("Uncertain")
    BAD = 2, _("Bad")


class HeldBack(models.TextChoices):
    """Why a reading waits for a person instead of standing in its series."""

    UNKNOWN = "unknown", _("No series of this name")
    CLOCK = "clock", _("The clock of the device is wrong")
    ARCHIVED = "archived", _("Its day is archived already")
    TEXT = "text", _("Text, not a number")
    MALFORMED = "malformed", _("Could not be read")
