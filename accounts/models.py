from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Value
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.roles import ROLES, Role
from audit.context import uuid7


class CaseBlindUserManager(UserManager["User"]):
    """A name typed as "Tanaka" or "tanaka" is one user: at the login page, for a token and beside a signature."""

    use_in_migrations = False

    def get_by_natural_key(self, username: str | None) -> "User":
        name = self.model.normalize_username(username or "")
        return self.alias(lower_name=Lower("username")).get(lower_name=Lower(Value(name)))

    async def aget_by_natural_key(self, username: str | None) -> "User":
        name = self.model.normalize_username(username or "")
        return await self.alias(lower_name=Lower("username")).aget(lower_name=Lower(Value(name)))


class User(AbstractUser):
    """A person, or a named program, that can be held to what it did. Never deleted, only deactivated."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    printed_name = models.CharField(_("printed name"), max_length=200, help_text=_("As it appears beside a signature."))
    is_person = models.BooleanField(
        _("person"), default=True, help_text=_("Off for programs (simulator, ERP): they cannot sign.")
    )

    REQUIRED_FIELDS = ["printed_name"]

    objects: ClassVar[CaseBlindUserManager] = CaseBlindUserManager()

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

    def roles(self) -> list[Role]:
        held = {group.name for group in self.groups.all()}
        return [role for role in ROLES if role.name in held]

    def is_api_only(self) -> bool:
        """True when no role opens a page: such a user is a program and gets tokens, not sessions."""
        roles = self.roles()
        return bool(roles) and not self.is_superuser and all(role.api_only for role in roles)

    @property
    def title(self) -> str:
        """The roles as printed beside a signature; English, because evidence has one language."""
        held = [role.title for role in self.roles()]
        return ", ".join(sorted(held)) or ("Administrator" if self.is_superuser else "—")
