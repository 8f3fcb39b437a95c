from django.db import migrations

from audit.migration_ops import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("quality", "0001_initial"), ("audit", "0002_append_only")]
    operations = [run_sql_file(__file__, "0002_append_only")]
