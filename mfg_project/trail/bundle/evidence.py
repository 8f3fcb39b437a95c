"""Signatures and state changes as every form of the copy shows them (21 CFR 11.50, 11.70)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.utils.translation import gettext as _

from audit.canonical import digest, plain
from audit.models import Signature, StateChange
from audit.seal_wait import sealed_signatures
from audit.signatures import Meaning
from mfg_project.common.formats import both_zones
from mfg_project.trail.names import names_of
from mfg_project.trail.paper import utc_and_plant
from production.views.signed_content import ContentChange, content_changes, content_rows


@dataclass(frozen=True, slots=True)
class Signed:
    signature: Signature
    record: str  # what was signed, by name
    matches: bool | None  # None: there is nothing to compare it with any more
    changes: list[ContentChange]
    is_sealed: bool

    @property
    def meaning(self) -> str:
        known = self.signature.meaning in Meaning.values
        return str(Meaning(self.signature.meaning).label) if known else self.signature.meaning

    @property
    def differs(self) -> bool:
        return self.matches is False

    @property
    def at(self) -> str:
        return both_zones(self.signature.signed_at)

    @property
    def verdict(self) -> str:
        if self.matches is None:
            return _("The record is no longer there, so the content cannot be compared.")
        if self.matches:
            return _("The content matches what was signed.")
        return _("The content differs from what was signed.")


def signed(signatures: Sequence[Signature]) -> list[Signed]:
    sealed = sealed_signatures(signatures)
    names = names_of((apps.get_model(s.record_label), s.record_pk) for s in signatures)
    return [_judged(signature, names, str(signature.pk) in sealed) for signature in signatures]


def signatures_on(model: type[Model], key: str) -> list[Signed]:
    """Those of one record, without its parts."""
    rows = Signature.objects.filter(record_label=model._meta.label_lower, record_pk=key)
    return signed(list(rows.order_by("signed_at", "pk")))


def _judged(signature: Signature, names: Any, is_sealed: bool) -> Signed:
    model = apps.get_model(signature.record_label)
    record: Any = model._base_manager.filter(pk=signature.record_pk).first()
    name = names.get((model._meta.label, signature.record_pk), signature.record_pk)
    if not hasattr(record, "signed_content"):
        return Signed(signature, name, None, [], is_sealed)
    content = record.signed_content()
    matches = digest(content) == signature.digest
    changes = [] if matches else content_changes(signature.content, plain(content))
    return Signed(signature, name, matches, changes, is_sealed)


def signature_fields(each: Signed) -> list[tuple[str, str, str]]:
    """(name, label, text) of all that a signature says: the one list for PDF and JSON."""
    s = each.signature
    record = _("%(name)s · version %(version)s") % {"name": each.record, "version": s.record_version}
    return [
        ("signer_name", _("Printed name"), s.signer_name),
        ("signer_title", _("Role"), s.signer_title),
        ("signed_at", _("Signed at"), utc_and_plant(s.signed_at)),
        ("meaning", _("Meaning"), each.meaning),
        ("record", _("Record"), record),
        ("comment", _("Comment"), s.comment),
        ("content", _("Content"), each.verdict),
        ("components", _("Presented"), ", ".join(map(str, s.components))),
        ("source", _("Source"), s.source),
        ("digest", _("SHA-256 of the content"), s.digest),
        ("id", _("Key of the signature"), str(s.pk)),
        ("seal", _("Seal"), _("Sealed in the journal.") if each.is_sealed else _("Pending seal")),
    ]


def content_fields(each: Signed) -> list[tuple[str, str]]:
    """What was signed, in words."""
    return [(row.label, row.text) for row in content_rows(each.signature.content)]


def state_names(changes: list[StateChange]) -> Iterator[tuple[StateChange, str, str, str]]:
    """Each with the record's name and the words of the two states."""
    models = {change.record_label: apps.get_model(change.record_label) for change in changes}
    names = names_of((models[change.record_label], change.record_pk) for change in changes)
    for change in changes:
        model: Any = models[change.record_label]
        words = dict(model._meta.get_field("status").flatchoices) if _has_status(model) else {}
        name = names.get((model._meta.label, change.record_pk), change.record_pk)
        old, new = (str(words.get(state, state)) for state in (change.from_state, change.to_state))
        yield change, name, old, new


def _has_status(model: Any) -> bool:
    return any(field.name == "status" for field in model._meta.concrete_fields)
