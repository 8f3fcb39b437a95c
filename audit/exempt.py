"""What the journal leaves out, and why. Every other table is journalled, or append-only and itself the record."""

_SCHEDULE = (
    "When a background task runs. Beat writes run times and counters into the same rows, every few seconds; "
    "that an administrator edited the schedule is in the admin's log, and not yet in the journal."
)
_DERIVED = "Recomputed from journalled facts; it can be thrown away and made anew."
_CODE = "Written by migrations from the source code, whose versions are the record of it."

EXEMPT: dict[str, str] = {
    "sessions.Session": "Who is signed in just now; no record of the plant hangs on it.",
    "contenttypes.ContentType": _CODE,
    "auth.Permission": _CODE,
    "admin.LogEntry": "Django's own list of what was clicked in the admin; the rows changed are in the journal.",
    "django_celery_beat.SolarSchedule": _SCHEDULE,
    "django_celery_beat.IntervalSchedule": _SCHEDULE,
    "django_celery_beat.ClockedSchedule": _SCHEDULE,
    "django_celery_beat.CrontabSchedule": _SCHEDULE,
    "django_celery_beat.PeriodicTasks": _SCHEDULE,
    "django_celery_beat.PeriodicTask": _SCHEDULE,
    "production.KpiDay": _DERIVED,
    "production.KpiDayStop": _DERIVED,
    "production.KpiDirtyDay": _DERIVED,
    "production.KpiRefresh": _DERIVED,
    "production.KpiDaily": _DERIVED,
}
