from django.db import migrations

from audit.migration_ops import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("production", "0007_release_policy")]
    operations = [run_sql_file(__file__, "0008_status_evidence")]
