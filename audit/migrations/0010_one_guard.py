from django.db import migrations

from audit.migration_ops import AppendOnly, SqlFile


class Migration(migrations.Migration):
    dependencies = [("audit", "0009_signing")]
    operations = [
        SqlFile("audit", "0010_one_guard"),
        AppendOnly("audit.Signature"),
        AppendOnly("audit.StateChange"),
        AppendOnly("audit.VerificationRun"),
    ]
