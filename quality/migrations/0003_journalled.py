from django.db import migrations

from audit.migration_ops import AppendOnly, Journalled


class Migration(migrations.Migration):
    dependencies = [("quality", "0002_append_only"), ("audit", "0003_journal")]
    operations = [
        Journalled("quality.Characteristic"),
        Journalled("quality.QualityCheck"),
        Journalled("quality.Measurement"),
        AppendOnly("quality.HistoricalCharacteristic"),
    ]
