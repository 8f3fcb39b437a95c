"""What happened at the doors of the plant, and what people have to be told about it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.context import uuid7


class SecurityEventKind(models.TextChoices):
    SIGNED_IN = "signed_in", _("Signed in")
    PASSWORD_WRONG = "password_wrong", _("Wrong password when signing in")
    NAME_UNKNOWN = "name_unknown", _("Unknown user name")
    REFUSED = "sign_in_refused", _("Signing in refused")
    SIGNING_FAILED = "signing_failed", _("Wrong password when signing a record")
    SIGNING_REFUSED = "signing_refused", _("Signing a record refused")
    STEP_REFUSED = "step_refused", _("Step of a record refused")
    LOCKED = "locked", _("Account locked")
    UNLOCKED = "unlocked", _("Account unlocked")
    PASSWORD_SET = "password_set", _("Password set by an administrator")
    PASSWORD_LINK = "password_link", _("Link for a new password sent")
    PASSWORD_CHANGED = "password_changed", _("Password changed by its owner")
    FACTOR_SET = "factor_set", _("Authenticator app set up by its owner")
    FACTOR_REVOKED = "factor_revoked", _("Authenticator app revoked")
    CODE_ISSUED = "code_issued", _("Temporary code given out")
    CODE_REVOKED = "code_revoked", _("Temporary code revoked")
    PIN_SET = "pin_set", _("Signing PIN set by its owner")
    PIN_REVOKED = "pin_revoked", _("Signing PIN revoked")
    PROVIDER_LINKED = "provider_linked", _("Account linked to the provider")
    DEACTIVATED = "deactivated", _("Account deactivated")
    EXPORTED = "exported", _("Records exported")
    CONFIGURED = "configured", _("Settings of the environment noted")


class SecurityEvent(models.Model):
    """A sign-in, a wrong password, a lock, a refused step … Written once; kept even though the act itself was refused.

    Never holds what was typed as a password: a name that cannot be a user name is not kept either, as people type
    their password into the wrong field.
    """

    Kind = SecurityEventKind

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("at"), db_default=Now())
    kind = models.CharField(_("event"), max_length=20, choices=SecurityEventKind.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="security_events",
        verbose_name=_("account"),
    )
    name_typed = models.CharField(_("name typed"), max_length=150, blank=True)
    detail = models.TextField(_("detail"), blank=True)
    source = models.CharField(_("door"), max_length=100)
    station = models.CharField(_("station"), max_length=50, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True)
    act_id = models.UUIDField(_("request id"))

    class Meta:
        verbose_name = _("security event")
        verbose_name_plural = _("security events")
        indexes = [
            models.Index(fields=["user", "at"], name="securityevent_user_at"),
            models.Index(fields=["source", "-id"], name="securityevent_configured", condition=Q(kind="configured")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.user or self.name_typed or '—'} · {self.at:%Y-%m-%d %H:%M} UTC"


class Outbox(models.Model):
    """A message that has to reach somebody, written with what it is about: both are kept or neither.

    `payload` holds facts, never a secret: the text is made when it is sent (`audit/outbox.py`).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    made_at = models.DateTimeField(_("made at"), default=timezone.now)
    kind = models.CharField(_("kind"), max_length=30)
    payload = models.JSONField(_("facts"), default=dict)
    urgent = models.BooleanField(_("urgent"), default=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_try = models.DateTimeField(_("next try"), default=timezone.now)
    last_error = models.TextField(_("last error"), blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True)
    escalated_at = models.DateTimeField(_("escalated at"), null=True)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("acknowledged by"),
    )

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [
            models.Index(fields=["next_try"], name="outbox_due", condition=models.Q(delivered_at=None)),
            models.Index(fields=["made_at"], name="outbox_open", condition=models.Q(urgent=True, acknowledged_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.made_at:%Y-%m-%d %H:%M} UTC"

    @property
    def facts(self) -> dict[str, Any]:
        return dict(self.payload)
