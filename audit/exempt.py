"""What the journal leaves out, and why. Every other table is journalled, or append-only and itself the record."""

_DERIVED = "Recomputed from journalled facts; it can be thrown away and made anew."
_CODE = "Written by migrations from the source code, whose versions are the record of it."

EXEMPT: dict[str, str] = {
    "sessions.Session": "Who is signed in just now; no record of the plant hangs on it.",
    "contenttypes.ContentType": _CODE,
    "auth.Permission": _CODE,
    "admin.LogEntry": "Django's own list of what was clicked in the admin; the rows changed are in the journal.",
    "django_celery_beat.PeriodicTasks": "When the schedule last changed; the changes themselves are in the journal.",
    "audit.Heartbeat": "Overwritten every minute by whoever watches the evidence; what it found wrong is an incident.",
    "telemetry.Intake": "Counts of what was received, written together with the readings.",
    "telemetry.HeldBackSeries": "Names that stand for nothing yet; the series made from one is journalled.",
    "telemetry.HeldBackReading": "Waits for a person, and becomes a reading, which nobody can change.",
    "production.KpiDay": _DERIVED,
    "production.KpiDayStop": _DERIVED,
    "production.KpiDirtyDay": _DERIVED,
    "production.KpiRefresh": _DERIVED,
    "production.KpiDaily": _DERIVED,
}
