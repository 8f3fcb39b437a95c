from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class WorkOrderStatus(models.TextChoices):
    CREATED = "created", _("Created")
    PLANNED = "planned", _("Planned")
    RELEASED = "released", _("Released")
    IN_PROGRESS = "in_progress", _("In progress")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")
    ON_HOLD = "on_hold", _("On hold")


ACTIVE_STATUSES = (WorkOrderStatus.PLANNED, WorkOrderStatus.RELEASED, WorkOrderStatus.IN_PROGRESS)
FINAL_STATUSES = (WorkOrderStatus.COMPLETED, WorkOrderStatus.CANCELLED)


class JobOrderStatus(models.TextChoices):
    """ISA-95 job order states."""

    WAITING = "waiting", _("Waiting")
    RUNNING = "running", pgettext_lazy("job order", "Running")
    HELD = "held", _("Held")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")


class Priority(models.IntegerChoices):
    """Names for points on the 1 (first) to 10 (last) scale (X-33)."""

    URGENT = 1, _("Urgent")
    HIGH = 3, _("High")
    NORMAL = 5, _("Normal")
    LOW = 8, _("Low")
