"""Celery app and the beat schedule in code: reviewed, versioned; django-celery-beat loads it into the database."""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import beat_init, worker_ready
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mfg_project.settings")

app = Celery("genba")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect  # after its processes were forked: none of them shares the connection of the note
def _worker_begins(**_: Any) -> None:
    from audit.configuration import begin

    begin("sealer" if settings.DATABASE_SEALER_URL else "worker")


@beat_init.connect
def _beat_begins(**_: Any) -> None:
    from audit.configuration import begin

    begin("schedule")


# `expires` is shorter than the period: a queue that stood still must not replay a backlog of refreshes.
app.conf.beat_schedule = {
    "audit.seal": {
        "task": "audit.seal",
        "schedule": 5.0,
        "options": {"expires": 4},
    },
    "audit.verify": {
        "task": "audit.verify",
        "schedule": crontab(hour=2, minute=30),  # UTC, whatever the plant's zone
        "options": {"expires": 12 * 3600},
    },
    "audit.verify_archives": {
        "task": "audit.verify_archives",
        "schedule": crontab(hour=4, minute=0, day_of_month=5, month_of_year=1),
        "options": {"expires": 20 * 3600},
    },
    "audit.watch": {
        "task": "audit.watch",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "audit.measure_coverage": {
        "task": "audit.measure_coverage",
        "schedule": 60.0,  # does it as often as is cheap
        "options": {"expires": 50},
    },
    "audit.mail_checkpoint": {
        "task": "audit.mail_checkpoint",
        "schedule": crontab(
            hour=settings.JOURNAL_WITNESS_EMAIL_AT.hour, minute=settings.JOURNAL_WITNESS_EMAIL_AT.minute
        ),
        "options": {"expires": 12 * 3600},
    },
    "audit.timestamp": {
        "task": "audit.timestamp",
        "schedule": 300.0,  # a token an hour; what failed is tried again
        "options": {"expires": 290},
    },
    "audit.make_partitions": {
        "task": "audit.make_partitions",
        "schedule": 6 * 3600.0,
        "options": {"expires": 6 * 3600 - 60},
    },
    "accounts.deactivate_dormant": {
        "task": "accounts.deactivate_dormant",
        "schedule": crontab(hour="2", minute="15"),
        "options": {"expires": 3600},
    },
    "audit.dispatch": {
        "task": "audit.dispatch",
        "schedule": 15.0,
        "options": {"expires": 14},
    },
    "telemetry.sum_up": {
        "task": "telemetry.sum_up",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "telemetry.archive": {
        "task": "telemetry.archive",
        "schedule": crontab(hour=1, minute=10),
        "options": {"expires": 12 * 3600},
    },
    "telemetry.turn_days": {
        "task": "telemetry.turn_days",
        "schedule": 6 * 3600.0,
        "options": {"expires": 6 * 3600 - 60},
    },
    "production.refresh_kpis": {
        "task": "production.refresh_kpis",
        "schedule": 60.0,
        "options": {"expires": 50},
    },
    "production.plan_shifts": {
        "task": "production.plan_shifts",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
}
