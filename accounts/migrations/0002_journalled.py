from django.db import migrations

from audit.migration_ops import Journalled


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("audit", "0003_journal"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        Journalled("accounts.User", digested=("password",), ignored=("last_login",)),
        Journalled("auth.Group"),
    ]
