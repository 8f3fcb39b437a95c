from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from audit.context import uuid7

EVERYTHING = ""
TAKEN = _("Somebody else has just reviewed this period. Look at what is due now.")


class TrailReview(models.Model):
    """One person has looked through the audit trail of a period and signs that (Annex 11 clause 9). Append-only.

    It covers what was written in [since, until), and what was written earlier but sealed only after the review
    before (`follows`). Reviews of one scope are a chain: the database refuses a second beginning, a second
    follower, a follower that does not begin where the one before ended, and a review without its reviewer's signature
    (`audit/sql/0018_trail_review`).
    """

    version = 1  # written once; what a signature asks for

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    made_at = models.DateTimeField(_("made at"), db_default=Now())
    scope = models.TextField(_("record types"), blank=True, default=EVERYTHING)  # tables, sorted, with commas
    since = models.DateTimeField(_("from"))
    until = models.DateTimeField(_("until"))
    follows = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("review before")
    )
    follows_until = models.DateTimeField(null=True, editable=False)  # where that one ended; for the foreign key
    entries = models.BigIntegerField(_("entries"))
    counts = models.JSONField(_("entries by type and action"))  # {table: {"I": 3, "U": 1}}
    exceptions = models.JSONField(_("exceptions by kind"))  # {kind: how many}
    remarks = models.JSONField(_("remarks"))  # [{"entry": 17, "table": …, "record": …, "comment": …}]
    comment = models.TextField(_("conclusion"))
    epoch = models.IntegerField(_("epoch"))
    checkpoint_size = models.BigIntegerField(_("entries sealed"))
    checkpoint_root = models.CharField(_("root (SHA-256)"), max_length=64)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("reviewer")
    )

    class Meta:
        verbose_name = _("review of the audit trail")
        verbose_name_plural = _("reviews of the audit trail")
        default_permissions = ("add", "view")
        constraints = [
            models.CheckConstraint(condition=models.Q(since__lt=models.F("until")), name="review_has_a_length"),
            models.CheckConstraint(
                condition=models.Q(follows=None, follows_until=None)
                | models.Q(follows__isnull=False, follows_until__isnull=False, follows_until=models.F("since")),
                name="review_begins_where_the_one_before_ended",
            ),
            models.UniqueConstraint(
                fields=["scope"],
                condition=models.Q(follows=None),
                name="review_has_one_beginning",
                violation_error_message=TAKEN,
            ),
            models.UniqueConstraint(fields=["follows"], name="review_has_one_follower", violation_error_message=TAKEN),
            models.UniqueConstraint(fields=["id", "scope", "until"], name="review_place"),
        ]

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M} … {self.until:%Y-%m-%d %H:%M} UTC"

    @classmethod
    def on_lines(cls, _lines: Any) -> models.Q:
        """It is about the whole plant: who works on some lines only reads the trail of single records."""
        return models.Q(pk__in=[])

    @property
    def tables(self) -> list[str]:
        """What it is about; nothing named is everything."""
        return [name for name in self.scope.split(",") if name]

    def signed_content(self) -> dict[str, Any]:
        return {
            "scope": self.scope,
            "since": self.since,
            "until": self.until,
            "follows": self.follows_id,
            "entries": self.entries,
            "counts": self.counts,
            "exceptions": self.exceptions,
            "remarks": self.remarks,
            "comment": self.comment,
            "checkpoint": {"epoch": self.epoch, "size": self.checkpoint_size, "root": self.checkpoint_root},
        }
