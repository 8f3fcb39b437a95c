import datetime as dt
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts.services.users import system_user
from audit.context import act_as
from telemetry.models import Intake
from telemetry.services import archive, ingest, rollup

DAYS_AHEAD = 7  # a missing day is made by who needs it; made ahead, nobody waits
COUNTS_KEPT = dt.timedelta(days=35)  # of what was received by the minute: long enough to look into last month


@shared_task(name="telemetry.sum_up", ignore_result=True)
def sum_up(**_: Any) -> None:
    """Safe to run twice: an advisory lock lets one run, and every hour is made anew."""
    rollup.sum_up()


@shared_task(name="telemetry.turn_days", ignore_result=True)
def turn_days(**_: Any) -> None:
    """Make the days to come, and forget old counts. Safe to run twice: a day that is there stays as it is."""
    now = timezone.now()
    ingest.make_days(now.date() + dt.timedelta(days=ahead) for ahead in range(-1, DAYS_AHEAD + 1))
    Intake.objects.filter(minute__lt=now - COUNTS_KEPT).delete()


@shared_task(name="telemetry.archive", ignore_result=True)
def archive_readings(**_: Any) -> None:
    """Every night: closed days get small indexes, old ones become files, still older ones leave the database.

    Safe to run twice: a day that is archived as it is is not written again.
    """
    now = timezone.now()
    archive.reindex_closed_day(now.date())
    if settings.TELEMETRY_ARCHIVE_DIR:
        with act_as(system_user(), source="task:telemetry.archive"):
            archive.archive_days(now=now)
            archive.drop_days(now=now)
