from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0022_reviewed_months")]

    operations = [
        migrations.AlterModelOptions(
            name="retentionpolicy",
            options={
                "permissions": [("dispose_records", "Can dispose of records past their years")],
                "verbose_name": "retention policy",
                "verbose_name_plural": "retention policies",
            },
        ),
        migrations.AlterField(
            model_name='securityevent',
            name='kind',
            field=models.CharField(choices=[('signed_in', 'Signed in'), ('password_wrong', 'Wrong password when signing in'), ('name_unknown', 'Unknown user name'), ('sign_in_refused', 'Signing in refused'), ('signing_failed', 'Wrong password when signing a record'), ('signing_refused', 'Signing a record refused'), ('locked', 'Account locked'), ('unlocked', 'Account unlocked'), ('password_set', 'Password set by an administrator'), ('password_link', 'Link for a new password sent'), ('password_changed', 'Password changed by its owner'), ('factor_set', 'Authenticator app set up by its owner'), ('factor_revoked', 'Authenticator app revoked'), ('code_issued', 'Temporary code given out'), ('code_revoked', 'Temporary code revoked'), ('pin_set', 'Signing PIN set by its owner'), ('pin_revoked', 'Signing PIN revoked'), ('provider_linked', 'Account linked to the provider'), ('deactivated', 'Account deactivated'), ('exported', 'Records exported'), ('configured', 'Settings of the environment noted')], max_length=20, verbose_name='event'),
        ),
        migrations.AddIndex(
            model_name='securityevent',
            index=models.Index(condition=models.Q(('kind', 'configured')), fields=['source', '-id'], name='securityevent_configured'),
        ),
    ]
