"""The rule of the code until now, as data: one signature releases an order, of a supervisor or a quality manager."""

from django.db import migrations
from django.utils import timezone

from audit.context import Installation, act_as
from audit.journal import change

REASON = "The rule of the versions before"
RELEASE = [{"meanings": ["released", "reviewed", "approved"], "roles": ["supervisor", "qa_manager"]}]


def install(apps, _schema_editor):
    policies = apps.get_model("audit", "SignaturePolicy")
    users = apps.get_model("accounts", "User")
    if policies.objects.filter(record_label="production.workorder", transition="release").exists():
        return
    with act_as(Installation(), source="migrate"), change("install_signature_policy", REASON):
        system = users.objects.filter(username="system").first() or users.objects.create(
            username="system", printed_name="Genba (system)", is_person=False, password="!"
        )
        made = policies.objects.create(
            record_label="production.workorder",
            transition="release",
            signatures=RELEASE,
            created_by=system,
            updated_by=system,
        )
        apps.get_model("audit", "HistoricalSignaturePolicy").objects.create(
            history_date=timezone.now(),
            history_type="+",
            history_change_reason=REASON,
            **{field.attname: getattr(made, field.attname) for field in policies._meta.concrete_fields},
        )


class Migration(migrations.Migration):
    dependencies = [
        ("production", "0006_journalled"),
        ("audit", "0009_signing"),
        ("accounts", "0005_password_policy"),
    ]
    # Not taken back: the policy is a record by then, and goes with its table
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
