import audit.models.journal
import django.contrib.postgres.fields
from django.db import migrations, models

from audit.migration_ops import SqlFile


class Migration(migrations.Migration):

    # The view of the critical tables reads what the apps above made.
    dependencies = [
        ('audit', '0008_security_events'),
        ('production', '0006_journalled'),
        ('quality', '0003_journalled'),
    ]

    operations = [
        SqlFile('audit', '0007_trail'),
        migrations.CreateModel(
            name='JournalEntry',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('tx_at', models.DateTimeField(verbose_name='transaction began at')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('op', models.CharField(choices=[('I', 'Created'), ('U', 'Changed'), ('D', 'Deleted')], max_length=1, verbose_name='action')),
                ('table_name', models.TextField(verbose_name='table')),
                ('pk_text', models.TextField(db_column='pk', verbose_name='record key')),
                ('old', models.JSONField(decoder=audit.models.journal.ExactNumbers, null=True, verbose_name='old values')),
                ('new', models.JSONField(decoder=audit.models.journal.ExactNumbers, null=True, verbose_name='new values')),
                ('changed', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None, verbose_name='changed fields')),
                ('actor_id', models.UUIDField(null=True, verbose_name='user')),
                ('actor_type', models.TextField(verbose_name='kind of user')),
                ('actor_name', models.TextField(verbose_name='printed name')),
                ('on_behalf_of', models.TextField(null=True, verbose_name='on behalf of')),
                ('reason_code', models.TextField(verbose_name='step')),
                ('reason', models.TextField(verbose_name='reason')),
                ('request_id', models.UUIDField(verbose_name='request id')),
                ('station', models.TextField(verbose_name='station')),
                ('source', models.TextField(verbose_name='door')),
                ('app_version', models.TextField(verbose_name='application version')),
                ('db_user', models.TextField(verbose_name='database user')),
                ('compliance_flags', models.JSONField(verbose_name='rules it is kept for')),
            ],
            options={
                'verbose_name': 'journal entry',
                'verbose_name_plural': 'journal entries',
                'db_table': 'journal_entry',
                'managed': False,
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='JournalSeal',
            fields=[
                ('id', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('epoch', models.IntegerField(verbose_name='epoch')),
                ('size', models.BigIntegerField(verbose_name='entries sealed')),
                ('root', models.CharField(max_length=64, verbose_name='root (SHA-256)')),
                ('at', models.DateTimeField(verbose_name='sealed at')),
                ('note', models.TextField(verbose_name='signed checkpoint')),
            ],
            options={
                'verbose_name': 'seal of the journal',
                'verbose_name_plural': 'seals of the journal',
                'db_table': 'journal_seal',
                'managed': False,
                'default_permissions': ('view',),
            },
        ),
    ]
