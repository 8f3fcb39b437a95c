from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from accounts import checks, messages  # noqa: F401 the checks register themselves
        from accounts.services.roles import sync_roles_of_app

        messages.register()
        # Runs after Django made the app's permissions: each role holds exactly what accounts/roles.py says.
        post_migrate.connect(lambda sender, **_: sync_roles_of_app(sender.label), weak=False, dispatch_uid="roles")
