from dataclasses import replace
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.contrib.auth.hashers import acheck_password, check_password
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Value
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.roles import ROLES, Role
from audit.context import Act, Installation, act_as, acting, current_act_or_none, uuid7
from audit.journal import change


class CaseBlindUserManager(UserManager["User"]):
    """A name typed as "Tanaka" or "tanaka" is one user: at the login page, for a token and beside a signature."""

    use_in_migrations = False

    def create_superuser(self, *args: Any, **values: Any) -> "User":
        """For `manage.py createsuperuser`: the installation makes the first one, as there is nobody yet who could."""
        with act_as(Installation(), source="installation"), change("create_superuser"):
            return super().create_superuser(*args, **values)

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

    def check_password(self, raw_password: str | None) -> bool:
        return check_password(raw_password, self.password, self._rehash)

    async def acheck_password(self, raw_password: str | None) -> bool:
        return await acheck_password(raw_password, self.password, sync_to_async(self._rehash))

    def _rehash(self, raw_password: str | None) -> None:
        """Today's hash of the same password, written in the name of whoever has just proved to know it."""
        self.set_password(raw_password)
        self._password = None  # the password is no other one than before
        act = current_act_or_none() or Act(who=lambda: self, source="login")
        with acting(replace(act, who=lambda: self)), change("rehash_password"):
            self.save(update_fields=["password"])

    @property
    def title(self) -> str:
        """The roles as printed beside a signature; English, because evidence has one language."""
        held = [role.title for role in self.roles()]
        return ", ".join(sorted(held)) or ("Administrator" if self.is_superuser else "—")
