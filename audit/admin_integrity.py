"""The watch, timestamps and reviews in the admin: looked at, never changed."""

import json
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from audit.admin_base import ReadOnlyAdmin
from audit.models import Heartbeat, Incident, Timestamp, TrailReview


def _precise(at: Any) -> str:
    return localtime(at).strftime("%Y-%m-%d %H:%M:%S %Z") if at else "—"


def _as_json(value: Any) -> str:
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="whitespace-pre-wrap">{}</pre>', text)


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ("noticed", "kind", "subject", "over")
    list_filter = ("kind",)
    ordering = ("-began_at",)
    list_select_related = ("message",)
    fields = ("noticed", "over", "kind", "subject", "facts_text", "message")

    @display(description=_("noticed at"), ordering="began_at")
    def noticed(self, obj: Incident) -> str:
        return _precise(obj.began_at)

    @display(description=_("over at"), ordering="ended_at")
    def over(self, obj: Incident) -> str:
        return _precise(obj.ended_at)

    @display(description=_("facts"))
    def facts_text(self, obj: Incident) -> str:
        return _as_json(obj.facts)


@admin.register(Timestamp)
class TimestampAdmin(ReadOnlyAdmin):
    list_display = ("certified", "epoch", "size", "authority", "serial")
    ordering = ("-id",)
    fields = ("certified", "received", "epoch", "size", "digest", "authority", "serial")

    @display(description=_("certified time"), ordering="certified_at")
    def certified(self, obj: Timestamp) -> str:
        return _precise(obj.certified_at)

    @display(description=_("received at"), ordering="at")
    def received(self, obj: Timestamp) -> str:
        return _precise(obj.at)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("name", "seen")
    ordering = ("name",)
    fields = ("name", "seen", "facts_text")

    @display(description=_("at"), ordering="at")
    def seen(self, obj: Heartbeat) -> str:
        return _precise(obj.at)

    @display(description=_("facts"))
    def facts_text(self, obj: Heartbeat) -> str:
        return _as_json(obj.facts)


@admin.register(TrailReview)
class TrailReviewAdmin(ReadOnlyAdmin):
    list_display = ("begins", "ends", "scope_text", "entries", "reviewer", "made")
    ordering = ("-until",)
    list_select_related = ("reviewer", "follows")
    fields = (
        *("begins", "ends", "scope_text", "entries", "counts_text", "exceptions_text", "remarks_text", "comment"),
        *("epoch", "checkpoint_size", "checkpoint_root", "reviewer", "made", "follows"),
    )

    @display(description=_("from"), ordering="since")
    def begins(self, obj: TrailReview) -> str:
        return _precise(obj.since)

    @display(description=_("until"), ordering="until")
    def ends(self, obj: TrailReview) -> str:
        return _precise(obj.until)

    @display(description=_("record types"), ordering="scope")
    def scope_text(self, obj: TrailReview) -> str:
        return obj.scope or str(_("Everything"))

    @display(description=_("made at"), ordering="made_at")
    def made(self, obj: TrailReview) -> str:
        return _precise(obj.made_at)

    @display(description=_("entries by type and action"))
    def counts_text(self, obj: TrailReview) -> str:
        return _as_json(obj.counts)

    @display(description=_("exceptions by kind"))
    def exceptions_text(self, obj: TrailReview) -> str:
        return _as_json(obj.exceptions)

    @display(description=_("remarks"))
    def remarks_text(self, obj: TrailReview) -> str:
        return _as_json(obj.remarks)
