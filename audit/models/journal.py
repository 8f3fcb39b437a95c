"""The journal and its seals as Django reads them. The database makes them (`audit/sql/0003`, `0005`, `0007`)."""

import json
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class ExactNumbers(json.JSONDecoder):
    """Numbers with a point stay text, digit for digit: 1.50 was written, not 1.5."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs | {"parse_float": str})


class Operation(models.TextChoices):
    INSERT = "I", _("Created")
    UPDATE = "U", _("Changed")
    DELETE = "D", _("Deleted")
    STRUCTURE = "S", _("Structure changed")  # of the database itself: a table, a trigger, a right


STRUCTURE_TABLE = "(schema)"  # what stands for the table in such an entry


class ReadOnlyRows(models.QuerySet["Any"]):
    """Triggers write the journal, the sealer seals it; who tries from here has made a mistake."""

    def _refuse(self, *_args: Any, **_kwargs: Any) -> Any:
        raise TypeError(f"{self.model.__name__} is read only")

    create = bulk_create = update = bulk_update = delete = get_or_create = update_or_create = _refuse


class ReadOnlyModel(models.Model):
    objects: ClassVar[Any] = ReadOnlyRows.as_manager()

    class Meta:
        abstract = True
        managed = False
        default_permissions = ("view",)

    def save(self, *_args: Any, **_kwargs: Any) -> None:
        raise TypeError(f"{type(self).__name__} is read only")

    delete = save  # type: ignore[assignment]


class JournalEntry(ReadOnlyModel):
    """One row of one table gained, changed or lost."""

    id = models.BigIntegerField(primary_key=True)
    tx_at = models.DateTimeField(_("transaction began at"))
    at = models.DateTimeField(_("at"))
    op = models.CharField(_("action"), max_length=1, choices=Operation)
    table_name = models.TextField(_("table"))
    pk_text = models.TextField(_("record key"), db_column="pk")
    old = models.JSONField(_("old values"), null=True, decoder=ExactNumbers)
    new = models.JSONField(_("new values"), null=True, decoder=ExactNumbers)
    changed = ArrayField(models.TextField(), verbose_name=_("changed fields"))
    actor_id = models.UUIDField(_("user"), null=True)
    actor_type = models.TextField(_("kind of user"))
    actor_name = models.TextField(_("printed name"))
    on_behalf_of = models.TextField(_("on behalf of"), null=True)
    reason_code = models.TextField(_("step"))
    reason = models.TextField(_("reason"))
    request_id = models.UUIDField(_("request id"))
    station = models.TextField(_("station"))
    source = models.TextField(_("door"))
    app_version = models.TextField(_("application version"))
    db_user = models.TextField(_("database user"))
    compliance_flags = models.JSONField(_("rules it is kept for"))

    class Meta(ReadOnlyModel.Meta):
        abstract = False
        db_table = "journal_entry"
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal entries")

    def __str__(self) -> str:
        return f"{self.pk} · {self.table_name} {self.pk_text}"

    @classmethod
    def on_lines(cls, _lines: Any) -> models.Q:
        """Who works on some lines only reads the trail of single records, not all of it."""
        return models.Q(pk__in=[])


class JournalSeal(ReadOnlyModel):
    """A signed checkpoint: the log as long as `size` entries had the root `root`."""

    id = models.CharField(primary_key=True, max_length=40)
    epoch = models.IntegerField(_("epoch"))
    size = models.BigIntegerField(_("entries sealed"))
    root = models.CharField(_("root (SHA-256)"), max_length=64)
    at = models.DateTimeField(_("sealed at"))
    note = models.TextField(_("signed checkpoint"))

    class Meta(ReadOnlyModel.Meta):
        abstract = False
        db_table = "journal_seal"
        verbose_name = _("seal of the journal")
        verbose_name_plural = _("seals of the journal")
        permissions = [("send_journalseal", gettext_noop("Can send a checkpoint to the quality department"))]

    def __str__(self) -> str:
        return self.id
