from django.db import migrations, models

import audit.models.base


class Migration(migrations.Migration):
    dependencies = [("audit", "0019_sign_in_events")]
    # First without a default: rows that are there get none, as which request wrote them is not known.
    operations = [
        migrations.AddField(
            "historicalsignaturepolicy",
            "act_id",
            models.UUIDField(editable=False, null=True, verbose_name="request id"),
        ),
        migrations.AlterField(
            "historicalsignaturepolicy",
            "act_id",
            models.UUIDField(
                default=audit.models.base.acting_request, editable=False, null=True, verbose_name="request id"
            ),
        ),
    ]
