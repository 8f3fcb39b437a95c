from django.db import migrations

from audit.migration_ops import AppendOnly, Journalled


class Migration(migrations.Migration):
    dependencies = [("equipment", "0002_line_assignment"), ("audit", "0003_journal")]
    operations = [
        Journalled("equipment.Site"),
        Journalled("equipment.Area"),
        Journalled("equipment.ProductionLine"),
        Journalled("equipment.Equipment"),
        Journalled("equipment.ReasonCode"),
        Journalled("equipment.LineStateInterval"),
        Journalled("equipment.LineAssignment"),
        AppendOnly("equipment.HistoricalLineAssignment"),
        AppendOnly("equipment.HistoricalSite"),
        AppendOnly("equipment.HistoricalArea"),
        AppendOnly("equipment.HistoricalProductionLine"),
        AppendOnly("equipment.HistoricalEquipment"),
        AppendOnly("equipment.HistoricalReasonCode"),
        AppendOnly("equipment.HistoricalLineStateInterval"),
    ]
