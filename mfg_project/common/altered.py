"""What a page, an export and a print say when a record is not what its audit trail says (21 CFR 11.10(a)).

Two sources: the row and its journal as they are now, and what the last verification found about it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.queries.integrity import Difference, differences, found_about
from mfg_project.common.formats import UNKNOWN, both_zones

LONGEST = 200
WORDS = {
    "field_differs": gettext_lazy("the stored value is not the one of the audit trail"),
    "unlogged_change": gettext_lazy("was changed past the audit trail"),
    "row_extra": gettext_lazy("is stored, and the audit trail does not know it"),
    "row_missing": gettext_lazy("is gone, and the audit trail knows of no deletion"),
    "signature": gettext_lazy("the signature is not of this record, or not by its signer"),
    "no_evidence": gettext_lazy("the status was changed past the steps"),
    "no_signature": gettext_lazy("a step that needs a signature has none"),
    "no_history": gettext_lazy("a change is missing in the history"),
    "entry_altered": gettext_lazy("an entry of its audit trail was altered"),
    "entry_smuggled_in": gettext_lazy("an entry was put into its audit trail afterwards"),
}


@dataclass(frozen=True, slots=True)
class Altered:
    """For `components/altered.html`, and line by line for files."""

    values: list[tuple[str, str, str]]  # label, in the audit trail, as stored
    verified: str  # when the last verification found something; "" when it did not
    found: list[str]

    @property
    def title(self) -> str:
        return _("This record was altered outside Genba.")

    def lines(self) -> list[str]:
        values = [
            _("%(field)s: %(logged)s in the audit trail, %(stored)s stored")
            % {"field": label, "logged": logged, "stored": stored}
            for label, logged, stored in self.values
        ]
        when = [_("The verification of %(when)s found:") % {"when": self.verified}] if self.verified else []
        return [self.title, *values, *when, *self.found]


def altered(model: type[models.Model], key: Any, *, related: Collection[tuple[str, str]] = ()) -> Altered | None:
    """None when the record is as its audit trail says. `related`: (table, key) of rows that belong to it.

    Two queries. Of related rows only what the last verification found is told.
    """
    own, now = (model._meta.db_table, str(key)), differences(model, key)
    about = found_about({own, *related})
    shown = {str(each.field.column) if each.field else "" for each in now}  # these stand there with their values
    found = [each for each in about.findings if not _is_shown(each, own, shown)] if about else []
    if not now and not found:
        return None
    values = [_value(model, each) for each in now]
    lines = list(dict.fromkeys(_finding(each) for each in found))
    return Altered(values, both_zones(about.run.ended) if about and lines else "", lines)


def _is_shown(finding: dict[str, str], own: tuple[str, str], shown: Collection[str]) -> bool:
    is_of_the_row = finding["code"] in ("field_differs", "row_extra", "row_missing")
    return is_of_the_row and (finding["table"], finding["key"]) == own and finding["field"] in shown


def _value(model: type[models.Model], difference: Difference) -> tuple[str, str, str]:
    if difference.field is None:
        row = capfirst(str(model._meta.verbose_name))
        return (row, _shown(difference.logged, _("there")), _shown(difference.stored, _("there")))
    return capfirst(str(difference.field.verbose_name)), _shown(difference.logged), _shown(difference.stored)


def _shown(value: Any, word: str = "") -> str:
    if value is None:
        return UNKNOWN
    text = word or str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _finding(finding: dict[str, str]) -> str:
    """Evidence is in English; its kind is told in the reader's language."""
    words = WORDS.get(finding["code"], finding["message"])
    return f"{_place(finding['table'], finding['field'])}: {words}"


def _place(table: str, field: str) -> str:
    model = next((each for each in apps.get_models(include_auto_created=True) if each._meta.db_table == table), None)
    if model is None:
        return " · ".join(filter(None, (table, field)))
    try:
        name = str(model._meta.get_field(field.removesuffix("_id")).verbose_name) if field else ""  # type: ignore[union-attr]
    except FieldDoesNotExist:
        name = field
    return " · ".join(capfirst(text) for text in (str(model._meta.verbose_name), name) if text)
