from django.db import migrations

from audit.migration_ops import SqlFile


class Migration(migrations.Migration):
    dependencies = [("audit", "0021_temporary_code_events")]

    operations = [SqlFile("audit", "0022_reviewed_months")]
