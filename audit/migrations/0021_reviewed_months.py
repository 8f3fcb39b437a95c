from django.db import migrations

from audit.migration_ops import SqlFile


class Migration(migrations.Migration):
    dependencies = [("audit", "0019_evidence_is_kept")]

    operations = [SqlFile("audit", "0021_reviewed_months")]
