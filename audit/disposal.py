"""Disposing of records past their years: by a person, with a reason, a few hundred at a time, each row in the journal.

What goes is the row. Its entries in the journal and its readable history stay until the months they stand in are
dropped (`audit/months.py`), signatures and steps as long as the longest policy says. The database decides again about
each row (`audit/sql/0013_retention`): what is asked here can only keep more.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import access
from audit.context import require
from audit.errors import Conflict, InvalidInput
from audit.journal import change
from audit.models import LegalHold
from audit.queries.retention import kept_types, past_keys
from audit.verification.shipped import append_only

DISPOSE = "audit.dispose_records"
AT_ONCE = 200  # rows of a transaction
MOST = 10_000  # rows looked at in one run

Model_ = type[models.Model]


@dataclass(slots=True)
class Disposal:
    """What goes, or went, of a type, and what stays although its years have passed."""

    gone: int = 0
    held: int = 0  # by a legal hold
    out_of_sight: int = 0  # of lines the account does not work on
    needed: int = 0  # pointed at by other records
    needed_by: Counter[str] = field(default_factory=Counter)  # table -> how many records it keeps
    is_all: bool = True  # nothing was left unlooked at

    @property
    def looked_at(self) -> int:
        return self.gone + self.held + self.out_of_sight + self.needed


def look(*, record_type: str, before: dt.date, most: int = MOST) -> Disposal:
    """What a disposal would do now; nothing is written."""
    model = _asked(record_type, before)
    found = Disposal()
    for keys in _batches(model, before, found, most):
        found.gone += len(_free(model, keys, found))
    return found


def dispose(*, record_type: str, before: dt.date, reason: str, expected: int, most: int = MOST) -> Disposal:
    """Delete the records of a type that changed last before the day and are past their years.

    `expected` is how many the person was shown. Raises Conflict when it is another number now, ReasonRequired,
    RecordKept; what was disposed of until then is gone and in the journal.
    """
    model = _asked(record_type, before)
    now = look(record_type=record_type, before=before, most=most).gone
    if now != expected:
        raise Conflict(_("The number that would go is %(now)s now, not %(seen)s. Nothing was disposed of. Look again.")
                       % {"now": now, "seen": expected})  # fmt: skip
    done = Disposal()
    for keys in _batches(model, before, done, most):
        with change("delete_past_retention", reason), transaction.atomic():
            locked = model._base_manager.filter(pk__in=keys).select_for_update().values_list("pk", flat=True)
            free = _free(model, list(locked), done)
            model._base_manager.filter(pk__in=free).delete()
        done.gone += len(free)
    return done


def disposable_types() -> list[str]:
    """What is written once (counts, measurements, histories) is never deleted row by row."""
    return [table for table in kept_types() if table not in append_only()]


def _asked(record_type: str, before: dt.date) -> Model_:
    actor = require(DISPOSE)
    if not actor.is_person:
        raise InvalidInput(_("Records are disposed of by a person."))
    if record_type not in disposable_types():
        text = _("Records of this type are not disposed of one by one.")
        raise InvalidInput(text, fields={"record_type": text})
    if before > timezone.now().date():
        text = _("The day is in the future.")
        raise InvalidInput(text, fields={"before": text})
    if LegalHold.objects.filter(lifted_at=None, record_type__in=["", record_type], record_key="").exists():
        raise Conflict(_("A legal hold keeps every record of this type."))
    return next(model for model in apps.get_models() if model._meta.db_table == record_type)


def _batches(model: Model_, before: dt.date, found: Disposal, most: int) -> Iterator[list[Any]]:
    """Keys past their years, a batch at a time; `found` learns whether that was all."""
    start = dt.datetime.combine(before, dt.time(), dt.UTC)
    after, left = None, most
    while left > 0:
        keys = past_keys(model, start, after=after, limit=min(AT_ONCE, left))
        if not keys:
            return
        yield keys
        after, left = keys[-1], left - len(keys)
    found.is_all = not past_keys(model, start, after=after, limit=1)


def _free(model: Model_, keys: list[Any], found: Disposal) -> list[Any]:
    """Those of a batch that nothing keeps; the others are counted, each once."""
    seen = set(access.visible(model._base_manager.filter(pk__in=keys)).values_list("pk", flat=True))
    found.out_of_sight += len(keys) - len(seen)
    under_hold = _held(model, seen)
    found.held += len(under_hold)
    free = seen - under_hold
    needed: set[Any] = set()
    for relation in _pointing_at(model):
        pointed = _pointed_at(relation, free)
        found.needed_by[relation.related_model._meta.db_table] += len(pointed)
        needed |= pointed
    found.needed += len(needed)
    return [key for key in keys if key in free - needed]


def _held(model: Model_, keys: set[Any]) -> set[Any]:
    """One by one; a hold on the whole type was looked for before."""
    texts = {str(key): key for key in keys}
    holds = LegalHold.objects.filter(lifted_at=None, record_type=model._meta.db_table, record_key__in=texts)
    return {texts[key] for key in holds.values_list("record_key", flat=True)}


def _pointing_at(model: Model_) -> list[Any]:
    """Every foreign key the database holds to this type, whatever Django would do about it."""
    relations: list[Any] = model._meta.get_fields(include_hidden=True)
    back = [each for each in relations if each.auto_created and not each.concrete]
    return [each for each in back if (each.one_to_many or each.one_to_one) and each.field.db_constraint]


def _pointed_at(relation: Any, keys: set[Any]) -> set[Any]:
    rows = relation.related_model._base_manager.filter(**{f"{relation.field.name}__in": keys})
    return set(rows.order_by().values_list(relation.field.attname, flat=True).distinct())
