from django.db import migrations

from audit.migration_ops import SqlFile


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]
    operations = [SqlFile("audit", "0003_journal")]
