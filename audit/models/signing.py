"""Who has to sign what, and the short time in which a person who has signed signs with less."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.context import uuid7
from audit.meanings import Meaning
from audit.models.base import AuditedModel


@dataclass(frozen=True, slots=True)
class Required:
    """One signature that a policy asks for; `step` counts from 1."""

    step: int
    meanings: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def meaning_labels(self) -> list[str]:
        return [str(Meaning(meaning).label) for meaning in self.meanings]


class SignaturePolicy(AuditedModel):
    """Which signatures a step of a record needs, one after the other, each by another person.

    Its `version` is kept in every signature given under it; the versions themselves are in its history.
    """

    record_label = models.CharField(gettext_lazy("record type"), max_length=100)
    transition = models.CharField(gettext_lazy("step"), max_length=40)
    signatures = models.JSONField(gettext_lazy("signatures"))  # [{"meanings": ["released"], "roles": ["supervisor"]}]
    author_may_sign = models.BooleanField(
        gettext_lazy("the author may sign"),
        default=False,
        help_text=gettext_lazy("Off: who made the record or last changed its content does not sign this step."),
    )
    is_active = models.BooleanField(gettext_lazy("in force"), default=True)

    class Meta:
        verbose_name = gettext_lazy("signature policy")
        verbose_name_plural = gettext_lazy("signature policies")
        constraints = [
            models.UniqueConstraint(
                fields=["record_label", "transition"],
                name="signature_policy_once",
                violation_error_message=gettext_lazy("This step has a policy already."),
            ),
        ]

    def __str__(self) -> str:
        from audit.transitions import step_words  # which is built on the models

        return step_words(self.record_label, self.transition)

    @property
    def steps(self) -> tuple[Required, ...]:
        return tuple(
            Required(step, tuple(one["meanings"]), tuple(one["roles"])) for step, one in enumerate(self.signatures, 1)
        )

    def in_words(self, role_words: Any) -> list[str]:
        """Each signature as a line: "1. Released for production: Supervisor, Quality manager"."""
        return [_in_words(required, role_words) for required in self.steps]


def _in_words(required: Required, role_words: Any) -> str:
    return _("%(n)s. %(meanings)s: %(roles)s") % {
        "n": required.step,
        "meanings": " / ".join(required.meaning_labels),
        "roles": role_words(required.roles),
    }


class WindowEnd(models.TextChoices):
    IDLE = "idle", gettext_lazy("Not used for too long")
    AGE = "age", gettext_lazy("Open for too long")
    LOGOUT = "logout", gettext_lazy("Signed out")
    LOGIN = "login", gettext_lazy("Signed in anew")
    SWITCH = "switch", gettext_lazy("Another user signed in")
    STATION = "station", gettext_lazy("Another station")
    LOCK = "lock", gettext_lazy("Account locked or out of use")
    PASSWORD = "password", gettext_lazy("Password changed")


class SigningWindow(models.Model):
    """A continuous time of signing in one session (21 CFR 11.200(a)(1)(i)): begun with every component.

    Known by the hash of the session's key, so that who reads the table cannot enter the session.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=gettext_lazy("user")
    )
    session_hash = models.CharField(max_length=64)
    station = models.CharField(gettext_lazy("station"), max_length=50, blank=True)
    opened_at = models.DateTimeField(gettext_lazy("opened at"))
    last_used_at = models.DateTimeField(gettext_lazy("last used at"))
    closed_at = models.DateTimeField(gettext_lazy("closed at"), null=True)
    closed_why = models.CharField(gettext_lazy("closed because"), max_length=10, choices=WindowEnd.choices, blank=True)

    class Meta:
        verbose_name = gettext_lazy("signing window")
        verbose_name_plural = gettext_lazy("signing windows")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["user", "session_hash"], condition=Q(closed_at=None), name="signing_window_one_open"
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_why="") | Q(closed_at__isnull=False) & ~Q(closed_why=""),
                name="signing_window_closed_for_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["last_used_at"], condition=Q(closed_at=None), name="signing_window_open")]

    def __str__(self) -> str:
        return f"{self.user} · {self.opened_at:%Y-%m-%d %H:%M} UTC"


def roles_named(policies: Iterable[SignaturePolicy]) -> frozenset[str]:
    return frozenset(role for policy in policies for required in policy.steps for role in required.roles)
