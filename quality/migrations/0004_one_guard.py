from django.db import migrations

from audit.migration_ops import AppendOnly, SqlFile


class Migration(migrations.Migration):
    dependencies = [("quality", "0003_journalled"), ("production", "0009_one_guard")]
    operations = [
        SqlFile("quality", "0004_one_guard"),
        AppendOnly("quality.QualityCheck"),
        AppendOnly("quality.Measurement"),
    ]
