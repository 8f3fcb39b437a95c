from django.db import migrations

from audit.migration_ops import AppendOnly, Journalled, SqlFile


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0001_initial"), ("audit", "0020_journal_cost")]
    operations = [
        Journalled("telemetry.DataSource"),
        Journalled("telemetry.DeviceKey", digested=["sha256"]),
        Journalled("telemetry.Series"),
        AppendOnly("telemetry.HistoricalDataSource"),
        AppendOnly("telemetry.HistoricalDeviceKey"),
        AppendOnly("telemetry.HistoricalSeries"),
        SqlFile("telemetry", "0002_readings"),
    ]
