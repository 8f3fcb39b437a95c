"""Append-only evidence: the database refuses to change or delete these rows (`audit/sql/0002_append_only`)."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from audit.context import uuid7
from audit.models.signing import SignaturePolicy, SigningWindow

# One step of one record as it was then, under one version of its policy
OF_A_STEP = ("record_label", "record_pk", "record_version", "digest", "transition", "policy", "policy_version")


class Signature(models.Model):
    """An electronic signature on one version of one record (21 CFR 11.50, 11.70).

    `content` is what the signer saw; `digest` is the SHA-256 of its canonical form.
    """

    IS_EVIDENCE: ClassVar[bool] = True  # seen by who may see the record it is about

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    signed_at = models.DateTimeField(_("signed at"), db_default=Now())
    signer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="signatures",
        verbose_name=_("signer"),
    )
    signer_name = models.CharField(_("printed name"), max_length=200)
    signer_title = models.CharField(_("role"), max_length=200)
    meaning = models.CharField(_("meaning"), max_length=50)
    meaning_label = models.CharField(max_length=100, blank=True)  # as it was called then; evidence has one language
    record_label = models.CharField(_("record type"), max_length=100)
    record_pk = models.CharField(_("record key"), max_length=50)
    record_name = models.CharField(_("record"), max_length=200, blank=True)
    record_version = models.PositiveIntegerField(_("record version"))
    # Of a step: which one, which signature of it, and under which policy. `new_state` only of the one that took it
    transition = models.CharField(_("step"), max_length=40, blank=True)
    step_no = models.PositiveSmallIntegerField(_("signature number"), null=True)
    previous_state = models.CharField(pgettext_lazy("status", "from"), max_length=20, blank=True)
    new_state = models.CharField(pgettext_lazy("status", "to"), max_length=20, blank=True)
    policy = models.ForeignKey(
        SignaturePolicy, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("signature policy")
    )
    policy_version = models.PositiveIntegerField(_("version of the policy"), null=True)
    digest = models.CharField(_("content digest (SHA-256)"), max_length=64)
    canonical_form = models.PositiveSmallIntegerField()
    content = models.JSONField(_("signed content"))
    components = models.JSONField(_("components"))  # what was presented: ["id", "password"]
    window = models.ForeignKey(
        SigningWindow, on_delete=models.PROTECT, null=True, related_name="signatures", verbose_name=_("signing window")
    )
    first_in_window = models.BooleanField(_("first of its window"), null=True)
    station = models.CharField(_("station"), max_length=50, blank=True)
    # The plant's clock then, so that the time is told with its offset whatever becomes of zones
    plant_zone = models.CharField(_("plant time zone"), max_length=63, blank=True)
    plant_offset = models.SmallIntegerField(_("minutes ahead of UTC"), null=True)
    act_id = models.UUIDField(_("request id"))
    source = models.CharField(_("door"), max_length=100)
    comment = models.TextField(_("comment"), blank=True)

    class Meta:
        verbose_name = _("electronic signature")
        verbose_name_plural = _("electronic signatures")
        indexes = [
            models.Index(fields=["record_label", "record_pk", "signed_at"], name="signature_record"),
            models.Index(fields=["signer", "-signed_at"], name="signature_signer"),
            # Given, but their step was not taken by them: looked through for what waits for the next signature
            models.Index(
                fields=["record_label", "record_pk"],
                condition=Q(new_state="") & ~Q(transition=""),
                name="signature_part",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["record_label", "record_pk", "record_version", "meaning", "signer"],
                condition=Q(transition=""),
                name="signature_once_per_version_meaning_signer",
                violation_error_message=_("You already signed this version with this meaning."),
            ),
            models.UniqueConstraint(
                fields=[*OF_A_STEP, "step_no"],
                condition=~Q(transition=""),
                name="signature_once_per_step",
                violation_error_message=_("Somebody else gave this signature meanwhile. Nothing was signed."),
            ),
            models.UniqueConstraint(
                fields=[*OF_A_STEP, "signer"],
                condition=~Q(transition=""),
                name="signature_once_per_person",
                violation_error_message=_("You gave another signature of this step; this one is another person's."),
            ),
            models.CheckConstraint(
                condition=Q(transition="")
                | Q(
                    step_no__isnull=False,
                    step_no__gte=1,
                    policy__isnull=False,
                    policy_version__isnull=False,
                    meaning_label__gt="",
                ),
                name="signature_of_a_step_names_its_policy",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.signer_name} · {self.meaning} · {self.signed_at:%Y-%m-%d %H:%M} UTC"


class StateChange(models.Model):
    """One step of a record's state machine: from, to, who, when, why, and the signature it needed."""

    IS_EVIDENCE: ClassVar[bool] = True

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("at"), db_default=Now())
    occurred_at = models.DateTimeField(_("took effect at"))  # differs from `at` for imported facts
    record_label = models.CharField(_("record type"), max_length=100)
    record_pk = models.CharField(_("record key"), max_length=50)
    transition = models.CharField(_("step"), max_length=40)
    from_state = models.CharField(pgettext_lazy("status", "from"), max_length=20, blank=True)
    to_state = models.CharField(pgettext_lazy("status", "to"), max_length=20)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("by")
    )
    actor_name = models.CharField(_("printed name"), max_length=200)
    source = models.CharField(_("door"), max_length=100)
    act_id = models.UUIDField(_("request id"))
    reason = models.TextField(_("reason"), blank=True)
    signature = models.ForeignKey(
        Signature,
        on_delete=models.PROTECT,
        null=True,
        related_name="state_changes",
        verbose_name=_("signature"),
    )

    class Meta:
        verbose_name = _("state change")
        verbose_name_plural = _("state changes")
        indexes = [models.Index(fields=["record_label", "record_pk", "id"], name="statechange_record")]

    def __str__(self) -> str:
        return f"{self.record_label} {self.record_pk}: {self.from_state} → {self.to_state}"
