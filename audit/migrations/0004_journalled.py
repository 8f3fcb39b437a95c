from django.db import migrations

from audit.migration_ops import Journalled


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_journal"), ("accounts", "0001_initial")]
    operations = [
        Journalled("audit.Signature"),
        Journalled("audit.FailedSignature"),
        Journalled("audit.StateChange"),
    ]
