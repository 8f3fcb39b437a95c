from django.db import migrations

from audit.migration_ops import Journalled

RUNS = ("last_run_at", "total_run_count", "date_changed")  # what beat notes down every few seconds


class Migration(migrations.Migration):
    """Which tasks run when is part of how the plant works: an edit of the schedule is in the journal, a run is not."""

    dependencies = [("audit", "0010_one_guard"), ("django_celery_beat", "0019_alter_periodictasks_options")]
    operations = [
        Journalled("django_celery_beat.PeriodicTask", ignored=RUNS),
        Journalled("django_celery_beat.IntervalSchedule"),
        Journalled("django_celery_beat.CrontabSchedule"),
        Journalled("django_celery_beat.SolarSchedule"),
        Journalled("django_celery_beat.ClockedSchedule"),
    ]
