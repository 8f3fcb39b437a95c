from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = _("Audit")

    def ready(self) -> None:
        from audit import messages
        from audit.checks import RoleGuard, database_role

        messages.register()
        checks.register(database_role, checks.Tags.database)
        if settings.PRODUCTION:
            connection_created.connect(RoleGuard(), weak=False, dispatch_uid="role_guard")
