import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.hashers import acheck_password, check_password
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Exists, OuterRef, Q, Value
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models.names import OneName
from accounts.models.signing import Acknowledgement, SigningQualification, SigningStatement, TemporaryCode
from accounts.roles import ROLE_BY_NAME, ROLES, Role
from audit.context import Act, Installation, act_as, acting, current_act_or_none, uuid7
from audit.journal import change


class CaseBlindUserManager(UserManager["User"]):
    """ "Tanaka", "tanaka" and "Ｔａｎａｋａ" are one user: at the login page, for a token and beside a signature."""

    use_in_migrations = False

    def create_superuser(self, *args: Any, **values: Any) -> "User":
        """For `manage.py createsuperuser`: the installation makes the first one, as there is nobody yet who could."""
        with act_as(Installation(), source="installation"), change("create_superuser"):
            return super().create_superuser(*args, **values)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.spelled_like(username).get()

    async def aget_by_natural_key(self, username: str | None) -> "User":
        return await self.spelled_like(username).aget()

    def spelled_like(self, username: str | None) -> "models.QuerySet[User]":
        name = (username or "").replace("\0", "")  # which PostgreSQL does not hold
        return self.alias(same_name=OneName("username")).filter(same_name=OneName(Value(name)))


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

    uses_provider = models.BooleanField(
        _("signs in at the provider"), default=False, help_text=_("Single sign-on: the account has no password here.")
    )
    provider_subject = models.CharField(max_length=500, blank=True, editable=False)  # issuer and subject, once linked
    signing_pin = models.CharField(max_length=128, blank=True, editable=False)  # a hash, as of a password
    previous_pins = models.TextField(blank=True, editable=False)
    pin_changed_at = models.DateTimeField(_("signing PIN changed at"), null=True, editable=False)
    totp_key = models.CharField(max_length=500, blank=True, editable=False)  # encrypted (accounts/services/totp.py)
    totp_since = models.DateTimeField(_("authenticator app since"), null=True, editable=False)
    totp_step = models.BigIntegerField(default=0, editable=False)  # of the last code used: it does not work again

    REQUIRED_FIELDS = ["printed_name"]

    presented: tuple[str, ...] = ()  # what was asked for and right, once `authenticate` has let in who signs

    objects: ClassVar[CaseBlindUserManager] = CaseBlindUserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                OneName("username"),
                name="user_name_unique_however_spelled",
                violation_error_message=_("This user name is taken."),
            ),
            models.UniqueConstraint(
                fields=["provider_subject"],
                name="user_of_provider_once",
                condition=~Q(provider_subject=""),
                violation_error_message=_("This account of the provider belongs to somebody else already."),
            ),
            models.CheckConstraint(
                condition=Q(uses_provider=True) | Q(provider_subject="", signing_pin=""),
                name="user_pin_stands_for_no_password",
            ),
        ]
        indexes = [models.Index(fields=["locked_at"], name="user_locked", condition=Q(locked_at__isnull=False))]
        permissions = [
            ("unlock_user", _("Can unlock accounts and acknowledge security notices")),
            ("revoke_factor", _("Can revoke authenticator apps and signing PINs")),
        ]

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
        return (
            self.is_person
            and self.has_usable_password()
            and (self.must_change_password or _is_old(self.password_changed_at))
        )

    def signs_with(self) -> tuple[str, ...]:
        """What only this person can present, asked for at each signing.

        "password", "pin" (as the password of an account that has none), "totp" and "temporary" are typed; for
        "provider" the page sends the signer there first (accounts/provider_views.py) and then posts without a password.
        """
        if self.uses_provider and not self.signing_pin:
            return ("provider",)
        own = "pin" if self.uses_provider else "password"
        device = self.device()
        return (own, device) if device else (own,)

    def device(self) -> str:
        """Whose code is asked for besides: "totp", or "temporary" while such a code stands in for a lost one."""
        if self.totp_since:
            return "totp"
        return "temporary" if self.temporary_code() else ""

    def temporary_code(self) -> TemporaryCode | None:
        return self.temporary_codes.filter(TemporaryCode.holding()).first() if self.has_lost_device() else None

    def has_lost_device(self) -> bool:
        """An authenticator app was set up here once and is none any more: it was revoked."""
        return bool(self.totp_step) and self.totp_since is None

    def is_confirmed_at_provider(self) -> bool:
        """Whether the provider has just confirmed this person anew, in this session; worth one signature."""
        from accounts.services import confirmations  # which is built on the models

        return confirmations.waiting(self)

    def why_not_sign(self) -> str:
        """Why this account may not sign anything today, or "". What its owner can mend is on accounts:own-signing."""
        if not self.is_person:
            return gettext("Only a person can sign; this account belongs to a program.")
        if self.is_station:
            return gettext("This account is a shared station. Sign in as yourself to sign.")
        if self.locked_at:
            return gettext("This account is locked. Another person has to unlock it.")
        if not self.qualifications.filter(SigningQualification.valid_on(timezone.localdate())).exists():
            return gettext("Your right to sign is not active: another person has to check your identity first.")
        return self._what_its_owner_has_to_do()

    def _what_its_owner_has_to_do(self) -> str:
        if self.password_is_due():
            return gettext("Change your password first: it is too old, or somebody else set it.")
        if self.signing_pin and self.pin_changed_at and _is_old(self.pin_changed_at):
            return gettext("Your signing PIN is too old. Set a new one under “My right to sign”.")
        if self.lacks_second_factor() and self.has_lost_device():
            return gettext(
                "Your authenticator app was revoked. Set up the next one under “My right to sign”, or have another"
                " person give you a temporary code."
            )
        if self.lacks_second_factor():
            return gettext("Your role signs with an authenticator app. Set it up under “My right to sign”.")
        if not self.has_acknowledged():
            return gettext("Read the statement about electronic signatures first, under “My right to sign”.")
        return ""

    def lacks_second_factor(self) -> bool:
        """Whether a second factor is asked for that is not there; at the provider it is theirs.

        The plant asks a role for it. And a loss never lowers what a signature needs (docs/decisions/0020).
        """
        asked = set(settings.SIGNING_TOTP_ROLES)
        if self.totp_since or not (asked or self.totp_step) or "provider" in (secrets := self.signs_with()):
            return False
        return "temporary" not in secrets and (
            self.has_lost_device() or bool(asked & {role.name for role in self.roles()})
        )

    def has_acknowledged(self) -> bool:
        """The revision in force, that is; where none is, nobody can have."""
        own = Acknowledgement.objects.filter(statement=OuterRef("pk"), user=self)
        in_force = SigningStatement.in_force(timezone.localdate())
        return list(in_force.values_list(Exists(own), flat=True)) == [True]

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


def _is_old(changed_at: dt.datetime) -> bool:
    days = settings.PASSWORD_MAX_DAYS
    return bool(days) and changed_at < timezone.now() - dt.timedelta(days=days)
