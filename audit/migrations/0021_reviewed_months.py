from django.db import migrations

from audit.migration_ops import SqlFile


class Migration(migrations.Migration):
    dependencies = [("audit", "0020_journal_cost")]

    operations = [SqlFile("audit", "0021_reviewed_months")]
