from django.db import migrations, models

from audit.migration_ops import SqlFile


class Migration(migrations.Migration):
    dependencies = [("audit", "0011_schedule")]
    operations = [
        SqlFile("audit", "0012_structure"),
        migrations.AlterField(
            "journalentry",
            "op",
            models.CharField(
                choices=[("I", "Created"), ("U", "Changed"), ("D", "Deleted"), ("S", "Structure changed")],
                max_length=1,
                verbose_name="action",
            ),
        ),
    ]
