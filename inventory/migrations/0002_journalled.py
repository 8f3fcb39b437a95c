from django.db import migrations

from audit.migration_ops import AppendOnly, Journalled


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial"), ("audit", "0003_journal")]
    operations = [
        Journalled("inventory.Material"),
        AppendOnly("inventory.HistoricalMaterial"),
    ]
