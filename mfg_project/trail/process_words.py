"""What the processes began with, in words: the settings of the environment as they were noted."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from audit.configuration import changes_in, noted, process_of, settings_in
from mfg_project.common.formats import moment

PROCESSES = {
    "pages": _("Pages and API"),
    "live": _("Live connections"),
    "worker": _("Worker"),
    "sealer": _("Sealer"),
    "schedule": _("Scheduler"),
}


def process_rows() -> list[dict[str, Any]]:
    return [
        {
            "name": PROCESSES.get(process_of(event), process_of(event)),
            "since": moment(event.at),
            "changes": changes_in(event),
            "settings": settings_in(event).items(),
            "url": reverse("admin:audit_securityevent_change", args=[event.pk]),
        }
        for event in noted()
    ]
