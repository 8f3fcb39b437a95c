from django.db import migrations, models

import audit.models.base


class Migration(migrations.Migration):
    dependencies = [("production", "0009_one_guard")]
    # First without a default: rows that are there get none, as which request wrote them is not known.
    operations = [
        operation
        for model in ("historicalbatch", "historicaljoborder", "historicalrouting", "historicalroutingoperation", "historicalshift", "historicalworkorder")
        for operation in (
            migrations.AddField(
                model, "act_id", models.UUIDField(editable=False, null=True, verbose_name="request id")
            ),
            migrations.AlterField(
                model,
                "act_id",
                models.UUIDField(
                    default=audit.models.base.acting_request, editable=False, null=True, verbose_name="request id"
                ),
            ),
        )
    ]
