"""What the right to sign rests on: a checked identity, instruction, and a statement the person acknowledged."""

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from audit.context import uuid7


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
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="qualifications", verbose_name=_("account")
    )
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"))
    document_class = models.CharField(_("document seen"), max_length=20, choices=DocumentClass.choices)
    training = models.CharField(
        _("instructed in"),
        max_length=300,
        default="",  # of rights given before this was asked; nothing is made up for them
        help_text=_("What the person was instructed in, with course or procedure and its revision."),
    )
    checked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("checked by")
    )
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


class SigningStatement(models.Model):
    """What everybody who signs has read: that a signature here binds like one by hand (11.10(j)).

    Written once; another text is another revision, which everybody has to acknowledge anew.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    revision = models.PositiveIntegerField(_("revision"), unique=True, editable=False)
    text_en = models.TextField(_("text in English"), max_length=5000)
    text_ja = models.TextField(_("text in Japanese"), max_length=5000)
    effective_from = models.DateField(_("effective from"))

    class Meta:
        verbose_name = _("statement about signing")
        verbose_name_plural = _("statements about signing")
        constraints = [
            models.CheckConstraint(condition=~Q(text_en="") & ~Q(text_ja=""), name="statement_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.revision} · {self.effective_from}"

    @property
    def text(self) -> str:
        return self.text_ja if get_language() == "ja" else self.text_en

    @classmethod
    def in_force(cls, day: dt.date) -> "QuerySet[SigningStatement]":
        """The one revision that holds that day, as a query of one row."""
        return cls.objects.filter(effective_from__lte=day).order_by("-revision")[:1]


class Acknowledgement(models.Model):
    """A person has read a revision of the statement and stands by it. Written once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="acknowledgements", verbose_name=_("account")
    )
    statement = models.ForeignKey(
        SigningStatement, on_delete=models.PROTECT, related_name="acknowledgements", verbose_name=_("revision")
    )
    at = models.DateTimeField(_("at"), db_default=Now())

    class Meta:
        verbose_name = _("acknowledgement")
        verbose_name_plural = _("acknowledgements")
        constraints = [
            models.UniqueConstraint(fields=["user", "statement"], name="acknowledged_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.statement}"


class CodeEnd(models.TextChoices):
    USED = "used", _("Used")
    REVOKED = "revoked", _("Revoked by another person")
    REPLACED = "replaced", _("Another one was given out")
    APP = "app", _("A new authenticator app")
    PASSWORD = "password", _("Password set by another person, or by a link")


LONGEST_CODE = dt.timedelta(hours=12)


class TemporaryCode(models.Model):
    """In place of a lost authenticator app, for hours: somebody else saw a document and gave it out (11.300(c)).

    It stands for the device only: whoever knows it and not the password signs nothing. Kept when it has ended.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="temporary_codes", verbose_name=_("account")
    )
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("given out by")
    )
    issued_at = models.DateTimeField(_("given out at"))
    document_class = models.CharField(_("document seen"), max_length=20, choices=DocumentClass.choices)
    code = models.CharField(max_length=128, editable=False)  # a hash, as of a password
    once = models.BooleanField(_("works once"))
    expires_at = models.DateTimeField(_("works until"))
    ended_at = models.DateTimeField(_("ended early at"), null=True)
    ended_why = models.CharField(_("because"), max_length=10, choices=CodeEnd.choices, blank=True)

    class Meta:
        verbose_name = _("temporary code")
        verbose_name_plural = _("temporary codes")
        constraints = [
            models.CheckConstraint(
                condition=~Q(user=F("issued_by")),
                name="temporary_code_from_another",
                violation_error_message=_("Another person has to do this for you."),
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("issued_at"), expires_at__lte=F("issued_at") + LONGEST_CODE),
                name="temporary_code_for_hours",
            ),
            models.UniqueConstraint(fields=["user"], name="temporary_code_one_open", condition=Q(ended_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.issued_at:%Y-%m-%d %H:%M} UTC"

    @staticmethod
    def holding() -> Q:
        return Q(ended_at=None, expires_at__gt=timezone.now())


class ProviderConfirmation(models.Model):
    """The provider has asked this person anew who it is, in this session: good for one signature within a minute.

    A row and not a value of the session: of two requests at once only one can use it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="confirmations", verbose_name=_("account")
    )
    session = models.CharField(max_length=64)  # SHA-256 of the session's key
    authenticated_at = models.DateTimeField(_("authenticated at"))  # as the provider says
    made_at = models.DateTimeField(_("made at"))
    used_at = models.DateTimeField(_("used at"), null=True)

    class Meta:
        verbose_name = _("confirmation by the provider")
        verbose_name_plural = _("confirmations by the provider")
        indexes = [
            models.Index(fields=["user"], name="confirmation_unused", condition=Q(used_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.made_at:%Y-%m-%d %H:%M:%S} UTC"
