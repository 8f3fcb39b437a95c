from django.db import migrations

from audit.migration_ops import AppendOnly, SqlFile


class Migration(migrations.Migration):
    dependencies = [("production", "0008_status_evidence"), ("audit", "0010_one_guard")]
    operations = [
        SqlFile("production", "0009_one_guard"),
        AppendOnly("production.QuantityReport"),
        AppendOnly("production.OperationRun"),
    ]
