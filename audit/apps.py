from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = _("Audit")

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in, user_logged_out

        from audit import messages, signing_windows
        from audit.checks import RoleGuard, database_role

        messages.register()
        user_logged_in.connect(signing_windows.signed_in, dispatch_uid="signing_windows")
        user_logged_out.connect(signing_windows.signed_out, dispatch_uid="signing_windows")
        checks.register(database_role, checks.Tags.database)
        if settings.PRODUCTION:
            connection_created.connect(RoleGuard(), weak=False, dispatch_uid="role_guard")
