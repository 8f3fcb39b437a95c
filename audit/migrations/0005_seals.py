from django.db import migrations

from audit.migration_ops import SqlFile


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_journalled")]
    operations = [SqlFile("audit", "0005_seals")]
