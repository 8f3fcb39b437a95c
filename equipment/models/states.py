from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import get_language, gettext_noop, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from audit.models import AuditedModel
from audit.models.base import OfAct, acting_user
from equipment.enums import LineState, ReasonKind, StateSource
from equipment.models.hierarchy import ProductionLine


class ReasonCode(AuditedModel):
    """Why a line stopped, a piece was scrapped or a job was held: picked, not typed."""

    kind = models.CharField(_("used for"), max_length=10, choices=ReasonKind)
    code = models.CharField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=60)
    name_ja = models.CharField(_("name (Japanese)"), max_length=60, blank=True)
    is_planned = models.BooleanField(
        _("planned"),
        default=False,
        help_text=_("Planned down time reduces the planned busy time (ISO 22400)."),
    )
    sort_order = models.PositiveSmallIntegerField(pgettext_lazy("sort", "order"), default=100)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("reason")
        verbose_name_plural = _("reasons")

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return self.name_ja if self.name_ja and (get_language() or "").startswith("ja") else self.name


class LineStateInterval(models.Model):
    """What a line was doing from one moment to another; open while `ended_at` is empty.

    Opened and closed only by `equipment.services.line_states`; two never overlap, the database sees to it.
    """

    LINE: ClassVar[str] = "line"

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        ProductionLine,
        on_delete=models.PROTECT,
        related_name="state_intervals",
        verbose_name=_("production line"),
    )
    state = models.CharField(_("state"), max_length=20, choices=LineState)
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True, blank=True)
    reason = models.ForeignKey(
        ReasonCode,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reason"),
    )
    comment = models.CharField(_("comment"), max_length=500, blank=True)
    source = models.CharField(_("source"), max_length=10, choices=StateSource)
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("reported by")
    )
    explained_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("explained by"),
    )
    explained_at = models.DateTimeField(_("explained at"), null=True, blank=True)

    history = HistoricalRecords(bases=[OfAct], get_user=acting_user)

    class Meta:
        verbose_name = _("line state")
        verbose_name_plural = _("line states")
        permissions = [("set_line_state", gettext_noop("Can set and explain line states"))]
        indexes = [
            models.Index(fields=["line"], condition=Q(ended_at=None), name="linestate_open"),
            models.Index(fields=["line", "-started_at"], name="linestate_line_started"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=LineState.values), name="linestate_known"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gt=F("started_at")),
                name="linestate_ends_after_start",
                violation_error_message=_("The end must be after the start."),
            ),
            ExclusionConstraint(
                name="linestate_never_overlaps",
                expressions=[
                    ("line", RangeOperators.EQUAL),
                    (
                        Func(
                            "started_at",
                            "ended_at",
                            RangeBoundary(),
                            function="TSTZRANGE",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                violation_error_message=_("The line already has a state in this period."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_id} {self.state} {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def needs_explanation(self) -> bool:
        return self.state == LineState.STOPPED and self.reason_id is None
