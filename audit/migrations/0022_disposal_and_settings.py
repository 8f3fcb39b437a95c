from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("audit", "0021_reviewed_months")]

    operations = [
        migrations.AlterModelOptions(
            name="retentionpolicy",
            options={
                "permissions": [("dispose_records", "Can dispose of records past their years")],
                "verbose_name": "retention policy",
                "verbose_name_plural": "retention policies",
            },
        ),
    ]
