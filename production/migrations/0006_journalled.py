from django.db import migrations

from audit.migration_ops import AppendOnly, Journalled, SqlFile


class Migration(migrations.Migration):
    dependencies = [("production", "0005_search"), ("audit", "0003_journal")]
    operations = [
        SqlFile("production", "0006_refresh_by_function"),
        Journalled("production.Shift"),
        Journalled("production.Batch"),
        Journalled("production.WorkOrder"),
        Journalled("production.JobOrder"),
        Journalled("production.Routing"),
        Journalled("production.RoutingOperation"),
        Journalled("production.ScheduledShift"),
        Journalled("production.QuantityReport"),
        Journalled("production.OperationRun"),
        AppendOnly("production.HistoricalShift"),
        AppendOnly("production.HistoricalBatch"),
        AppendOnly("production.HistoricalWorkOrder"),
        AppendOnly("production.HistoricalJobOrder"),
        AppendOnly("production.HistoricalRouting"),
        AppendOnly("production.HistoricalRoutingOperation"),
    ]
