from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.roles import ROLES
from audit.context import uuid7


class User(AbstractUser):
    """A person, or a named program, that can be held to what it did. Never deleted, only deactivated."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    printed_name = models.CharField(_("printed name"), max_length=200, help_text=_("As it appears beside a signature."))
    is_person = models.BooleanField(
        _("person"), default=True, help_text=_("Off for programs (simulator, ERP): they cannot sign.")
    )

    REQUIRED_FIELDS = ["printed_name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                models.functions.Lower("username"),
                name="user_name_unique_ignoring_case",
                violation_error_message=_("This user name is taken."),
            ),
        ]

    def __str__(self) -> str:
        return self.printed_name or self.username

    @property
    def title(self) -> str:
        """The roles as printed beside a signature; English, because evidence has one language."""
        names = {role.name: role for role in ROLES}
        held = [names[g.name].title for g in self.groups.all() if g.name in names]
        return ", ".join(sorted(held)) or ("Administrator" if self.is_superuser else "—")
