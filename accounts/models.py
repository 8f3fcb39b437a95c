import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.hashers import acheck_password, check_password
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.roles import ROLE_BY_NAME, ROLES, Role
from audit.context import Act, Installation, act_as, acting, current_act_or_none, uuid7
from audit.journal import change


class SameName(Func):
    """What two spellings of one user name have in common: width and composition of letters, then their case."""

    template = "lower(normalize(%(expressions)s, NFKC))"
    output_field = models.TextField()


class CaseBlindUserManager(UserManager["User"]):
    """ "Tanaka", "tanaka" and "Ｔａｎａｋａ" are one user: at the login page, for a token and beside a signature."""

    use_in_migrations = False

    def create_superuser(self, *args: Any, **values: Any) -> "User":
        """For `manage.py createsuperuser`: the installation makes the first one, as there is nobody yet who could."""
        with act_as(Installation(), source="installation"), change("create_superuser"):
            return super().create_superuser(*args, **values)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self._spelled_like(username).get()

    async def aget_by_natural_key(self, username: str | None) -> "User":
        return await self._spelled_like(username).aget()

    def _spelled_like(self, username: str | None) -> "models.QuerySet[User]":
        name = (username or "").replace("\0", "")  # which PostgreSQL does not hold
        return self.alias(same_name=SameName("username")).filter(same_name=SameName(Value(name)))


class User(AbstractUser):
    """A person, or a named program, that can be held to what it did. Never deleted, only deactivated."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    printed_name = models.CharField(_("printed name"), max_length=200, help_text=_("As it appears beside a signature."))
    is_person = models.BooleanField(
        _("person"), default=True, help_text=_("Off for programs (simulator, ERP): they cannot sign.")
    )

    is_station = models.BooleanField(
        _("shared station"), default=False, help_text=_("A tablet several people use: it runs jobs, it cannot sign.")
    )
    must_change_password = models.BooleanField(_("has to change the password"), default=False, editable=False)
    password_changed_at = models.DateTimeField(_("password changed at"), default=timezone.now, editable=False)
    previous_passwords = models.TextField(blank=True, editable=False)  # hashes, the newest first
    locked_at = models.DateTimeField(_("locked at"), null=True, editable=False)
    unlocked_at = models.DateTimeField(_("unlocked at"), null=True, editable=False)

    REQUIRED_FIELDS = ["printed_name"]

    objects: ClassVar[CaseBlindUserManager] = CaseBlindUserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                SameName("username"),
                name="user_name_unique_however_spelled",
                violation_error_message=_("This user name is taken."),
            ),
        ]
        indexes = [models.Index(fields=["locked_at"], name="user_locked", condition=Q(locked_at__isnull=False))]
        permissions = [("unlock_user", _("Can unlock accounts and acknowledge security notices"))]

    def __str__(self) -> str:
        return self.printed_name or self.username

    def roles(self) -> list[Role]:
        held = {group.name for group in self.groups.all()}
        return [role for role in ROLES if role.name in held]

    @staticmethod
    def role_words(names: Iterable[str]) -> str:
        """Roles by the names of their groups, as people call them."""
        return ", ".join(str(ROLE_BY_NAME[name].label) if name in ROLE_BY_NAME else name for name in names)

    def is_api_only(self) -> bool:
        """True when no role opens a page: such a user is a program and gets tokens, not sessions."""
        roles = self.roles()
        return bool(roles) and not self.is_superuser and all(role.api_only for role in roles)

    def password_is_due(self) -> bool:
        """Set by somebody else, or older than the policy allows. Programs have nobody who could change theirs."""
        days = settings.PASSWORD_MAX_DAYS
        old = bool(days) and self.password_changed_at < timezone.now() - dt.timedelta(days=days)
        return self.is_person and self.has_usable_password() and (self.must_change_password or old)

    def why_not_sign(self) -> str:
        """Why this account may not sign anything today, or ""."""
        if not self.is_person:
            return gettext("Only a person can sign; this account belongs to a program.")
        if self.is_station:
            return gettext("This account is a shared station. Sign in as yourself to sign.")
        if self.locked_at:
            return gettext("This account is locked. Another person has to unlock it.")
        if self.password_is_due():
            return gettext("Change your password first: it is too old, or somebody else set it.")
        if not self.qualifications.filter(SigningQualification.valid_on(timezone.localdate())).exists():
            return gettext("Your right to sign is not active: another person has to check your identity first.")
        return ""

    def signs_with(self) -> tuple[str, ...]:
        """What only this person can present, asked for at each signing."""
        return ("password",)

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


class DocumentClass(models.TextChoices):
    PASSPORT = "passport", _("Passport")
    ID_CARD = "id_card", _("Identity card")
    DRIVING_LICENCE = "driving_licence", _("Driving licence")
    RESIDENCE_CARD = "residence_card", _("Residence card")
    EMPLOYEE_CARD = "employee_card", _("Employee card with photo")


class SigningQualification(models.Model):
    """From when to when a person may sign: somebody else saw a document and instructed the person (11.100(b)).

    Kept when it has ended; ending it early is a change with a reason.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="qualifications", verbose_name=_("account"))
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"))
    document_class = models.CharField(_("document seen"), max_length=20, choices=DocumentClass.choices)
    checked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", verbose_name=_("checked by"))
    checked_at = models.DateTimeField(_("checked at"), db_default=Now())
    ended_at = models.DateTimeField(_("ended early at"), null=True, editable=False)

    class Meta:
        verbose_name = _("right to sign")
        verbose_name_plural = _("rights to sign")
        constraints = [
            models.CheckConstraint(
                condition=~Q(user=F("checked_by")),
                name="qualification_checked_by_another",
                violation_error_message=_("Somebody else has to check your identity."),
            ),
            models.CheckConstraint(
                condition=Q(valid_until__gte=F("valid_from")),
                name="qualification_ends_after_it_begins",
                violation_error_message=_("The last day is before the first one."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.valid_from} – {self.valid_until}"

    @staticmethod
    def valid_on(day: dt.date) -> Q:
        return Q(valid_from__lte=day, valid_until__gte=day, ended_at=None)
