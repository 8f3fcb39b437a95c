from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from audit.context import current_act, uuid7


def acting_user(instance: Any = None, **_kwargs: Any) -> Any:
    return current_act().actor


def acting_request() -> UUID:
    return current_act().id


class OfAct(models.Model):
    """Base of history rows: the request that wrote it, as in the journal. Unknown for rows older than the column."""

    act_id = models.UUIDField(_("request id"), null=True, default=acting_request, editable=False)

    class Meta:
        abstract = True


class AuditedModel(models.Model):
    """A record people edit: who and when, a version against lost updates, and a readable history.

    Saved only through `audit.records`, which takes the actor from the current act.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        verbose_name=_("created by"),
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        verbose_name=_("updated by"),
    )
    version = models.PositiveIntegerField(_("record version"), default=1, editable=False)

    history = HistoricalRecords(
        inherit=True, bases=[OfAct], get_user=acting_user, history_change_reason_field=models.TextField(null=True)
    )

    class Meta:
        abstract = True
