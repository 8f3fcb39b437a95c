from django.db import migrations

from audit.migration_ops import Journalled, SqlFile


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_accounts_to_rest_on"), ("audit", "0003_journal")]
    operations = [
        SqlFile("accounts", "0004_actors_stay"),
        Journalled("accounts.SigningQualification"),
    ]
