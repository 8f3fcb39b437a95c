"""Evidence as the auditor reads it."""

import datetime as dt
import json
from collections import defaultdict
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import display
from unfold.views import ChangeList

from audit import admin_integrity, admin_retention, admin_signing, admin_trail  # noqa: F401 register what is theirs
from audit.admin_base import ReadOnlyAdmin
from audit.canonical import digest
from audit.models import Outbox, SecurityEvent, Signature, StateChange, VerificationRun
from audit.paging import FirstPages
from audit.signatures import meaning_label, signed_when


class RecordChangeList(ChangeList):
    """Finds the records a page of evidence is about with one query for each type of record, not one for each row."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        wanted: dict[str, set[str]] = defaultdict(set)
        for row in self.result_list:
            wanted[row.record_label].add(row.record_pk)
        found = {label: _records(label, keys) for label, keys in wanted.items()}
        for row in self.result_list:
            row.record_found = found[row.record_label].get(row.record_pk)


def _records(label: str, keys: set[str]) -> dict[str, models.Model]:
    model = apps.get_model(label)
    related = getattr(admin.site._registry.get(model), "list_select_related", False) or ()
    rows = model._base_manager.filter(pk__in=keys).select_related(*(related if related is not True else ()))
    return {str(row.pk): row for row in rows}


def _record_of(evidence: Any) -> Any:
    if not hasattr(evidence, "record_found"):
        evidence.record_found = _records(evidence.record_label, {evidence.record_pk}).get(evidence.record_pk)
    return evidence.record_found


def precise(at: dt.datetime) -> str:
    """Evidence to the second, in plant time with its zone."""
    return localtime(at).strftime("%Y-%m-%d %H:%M:%S %Z")


def _status_words(record_label: str, status: str) -> str:
    choices = dict(apps.get_model(record_label)._meta.get_field("status").flatchoices)
    return str(choices.get(status, status))


class EvidenceAdmin(ReadOnlyAdmin):
    paginator = FirstPages  # never counts all there is

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordChangeList

    @display(description=_("Record"))
    def record_link(self, obj: Any) -> Any:
        app_label, model_name = obj.record_label.split(".")
        text = _record_of(obj) or f"{obj.record_label} {obj.record_pk}"
        try:
            url = reverse(f"admin:{app_label}_{model_name}_change", args=[obj.record_pk])
        except NoReverseMatch:
            return str(text)
        return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', url, text)


@admin.register(Signature)
class SignatureAdmin(EvidenceAdmin):
    list_display = (
        "signed",
        "signer_name",
        "signer_title",
        "meaning_shown",
        "step_shown",
        "record_link",
        "record_version",
    )
    list_filter = ("meaning", "signer_title", "transition")
    search_fields = ("signer_name", "record_name", "record_pk", "digest", "comment")
    ordering = ("-signed_at",)
    fieldsets = (
        (None, {"fields": ("signed", "signer", "signer_name", "signer_title", "meaning_shown", "comment")}),
        (_("What was signed"), {"fields": ("record_link", "record_version", "content_now", "digest", "content_text")}),
        (_("Step"), {"fields": ("step_shown", "step_no", "states", "policy", "policy_version")}),
        (
            _("How"),
            {
                "fields": (
                    "components",
                    "window",
                    "first_in_window",
                    "station",
                    "source",
                    "act_id",
                    "canonical_form",
                    "plant_zone",
                ),
                "classes": ("collapse",),
            },
        ),
    )

    @display(description=_("signed at"), ordering="signed_at")
    def signed(self, obj: Signature) -> str:
        return signed_when(obj)

    @display(description=_("Meaning"), ordering="meaning")
    def meaning_shown(self, obj: Signature) -> str:
        return meaning_label(obj)

    @display(description=_("step"), ordering="transition")
    def step_shown(self, obj: Signature) -> str:
        return admin_signing.step_words(obj.record_label, obj.transition) if obj.transition else "—"

    @display(description=_("status"))
    def states(self, obj: Signature) -> str:
        """From and to; a signature that was not the last one led nowhere."""
        words = [_status_words(obj.record_label, state) for state in (obj.previous_state, obj.new_state) if state]
        return " → ".join(words) or "—"

    @display(description=_("Content now"))
    def content_now(self, obj: Signature) -> str:
        record = _record_of(obj)
        same = record is not None and digest(record.signed_content()) == obj.digest
        return str(_("As signed") if same else _("Content differs from what was signed"))

    @display(description=_("Signed content"))
    def content_text(self, obj: Signature) -> str:
        text = json.dumps(obj.content, indent=2, ensure_ascii=False, sort_keys=True)
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', text)


@admin.register(StateChange)
class StateChangeAdmin(EvidenceAdmin):
    list_display = ("noted", "record_link", "transition", "from_shown", "to_shown", "actor_name", "reason", "source")
    list_filter = ("record_label", "transition", "to_state")
    search_fields = ("record_pk", "actor_name", "reason")
    ordering = ("-id",)
    list_select_related = ("signature",)
    fields = (
        "noted",
        "took_effect",
        "record_link",
        "transition",
        "from_shown",
        "to_shown",
        "actor",
        "actor_name",
        "reason",
        "signature",
        "source",
        "act_id",
    )

    @display(description=_("at"), ordering="at")
    def noted(self, obj: StateChange) -> str:
        return precise(obj.at)

    @display(description=_("took effect at"), ordering="occurred_at")
    def took_effect(self, obj: StateChange) -> str:
        return precise(obj.occurred_at)

    @display(description=pgettext_lazy("status", "from"), ordering="from_state")
    def from_shown(self, obj: StateChange) -> str:
        return _status_words(obj.record_label, obj.from_state)

    @display(description=pgettext_lazy("status", "to"), ordering="to_state")
    def to_shown(self, obj: StateChange) -> str:
        return _status_words(obj.record_label, obj.to_state)


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    list_display = ("noted", "kind", "user", "name_typed", "station", "address", "source")
    list_filter = ("kind",)
    search_fields = ("user__username", "user__printed_name", "name_typed", "station", "detail")
    ordering = ("-id",)
    list_select_related = ("user",)
    show_full_result_count = False
    fields = ("noted", "kind", "user", "name_typed", "detail", "station", "address", "source", "act_id")

    @display(description=_("at"), ordering="at")
    def noted(self, obj: SecurityEvent) -> str:
        return precise(obj.at)


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    list_display = ("made", "kind", "urgent", "attempts", "last_error", "delivered_at", "acknowledged_by")
    list_filter = ("kind", "urgent")
    ordering = ("-made_at",)
    list_select_related = ("acknowledged_by",)
    fields = (
        "made",
        "kind",
        "payload",
        "urgent",
        "attempts",
        "next_try",
        "last_error",
        "delivered_at",
        "escalated_at",
        "acknowledged_at",
        "acknowledged_by",
    )

    @display(description=_("made at"), ordering="made_at")
    def made(self, obj: Outbox) -> str:
        return precise(obj.made_at)


@admin.register(VerificationRun)
class VerificationRunAdmin(ReadOnlyAdmin):
    list_display = ("ended_at", "log", "records", "database", "findings_count", "entries", "checkpoint_size")
    list_filter = ("log", "records", "database")
    ordering = ("-ended", "-id")
    fields = (
        ("begun_at", "ended_at"),
        "log",
        "records",
        "database",
        "findings_count",
        "findings_text",
        "entries",
        ("epoch", "checkpoint_size"),
    )

    @display(description=_("begun"), ordering="begun")
    def begun_at(self, obj: VerificationRun) -> str:
        return precise(obj.begun)

    @display(description=_("ended"), ordering="ended")
    def ended_at(self, obj: VerificationRun) -> str:
        return precise(obj.ended)

    @display(description=_("findings"))
    def findings_text(self, obj: VerificationRun) -> str:
        lines = [" · ".join(filter(None, map(str, found.values()))) for found in obj.findings]
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', "\n".join(lines) or "—")
