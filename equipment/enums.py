from django.db import models
from django.utils.translation import gettext_lazy as _


class LineState(models.TextChoices):
    """What a line is doing. `NO_DATA` is its own state: silence is never shown as idle."""

    RUNNING = "running", _("Running")
    IDLE = "idle", _("Idle")
    SETUP = "setup", _("Setup")
    STOPPED = "stopped", _("Stopped")
    MAINTENANCE = "maintenance", _("Maintenance")
    NO_DATA = "no_data", _("No data")


class StateSource(models.TextChoices):
    """Where a state interval came from."""

    PERSON = "person", _("Entered")
    MACHINE = "machine", _("Machine")
    IMPORT = "import", _("Imported")


class ReasonKind(models.TextChoices):
    STOP = "stop", _("Stop")
    SCRAP = "scrap", _("Scrap or rework")
    HOLD = "hold", _("Hold")
