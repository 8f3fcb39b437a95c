from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from audit.admin_base import AuditedAdmin, ReadOnlyAdmin
from audit.admin_forms import VersionedForm
from telemetry.models import DataSource, DeviceKey, HeldBackReading, HeldBackSeries, Intake, ReadingArchive, Series
from telemetry.services.sources import issue_key


@admin.register(DataSource)
class DataSourceAdmin(AuditedAdmin):
    list_display = ("code", "name", "points_per_second", "is_active")
    list_filter = ("is_active",)
    search_fields = ("code", "name")
    ordering = ("code",)
    fields = ("code", "name", "points_per_second", "is_active")


@admin.register(DeviceKey)
class DeviceKeyAdmin(AuditedAdmin):
    list_display = ("label", "prefix", "source", "expires_at", "is_active", "created_at", "created_by")
    list_filter = ("source", "is_active")
    list_select_related = ("source", "created_by")
    search_fields = ("label", "prefix")
    ordering = ("source__code", "label")
    autocomplete_fields = ("source",)
    fields = ("source", "label", "expires_at", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *(("source",) if obj else ("is_active",)))

    def save_model(self, request: HttpRequest, obj: Any, form: VersionedForm, change: bool) -> None:
        """A new key is shown in the answer to this request, and never again."""
        if change:
            super().save_model(request, obj, form, change)
            return
        values = form.values()
        source = values.pop("source")
        saved, text = issue_key(source_id=source.pk, **values)
        obj.pk, obj.version, obj._state.adding = saved.pk, saved.version, False
        messages.warning(request, _("The key, shown only now: %(key)s") % {"key": text})


@admin.register(Series)
class SeriesAdmin(AuditedAdmin):
    list_display = ("name", "equipment", "sensor_type", "unit", "source", "source_key", "is_active")
    list_filter = ("source", "sensor_type", "is_active")
    list_select_related = ("equipment", "source")
    search_fields = ("name", "sensor_type", "source_key", "equipment__code")
    ordering = ("equipment__code", "name")
    autocomplete_fields = ("equipment", "source")
    fields = (
        "equipment",
        "name",
        "sensor_type",
        "unit",
        "source",
        "source_key",
        "expected_interval",
        "minimum",
        "maximum",
        "is_active",
    )


@admin.register(HeldBackSeries)
class HeldBackSeriesAdmin(ReadOnlyAdmin):
    list_display = ("source_key", "reason", "source", "readings", "kept", "example", "first_at", "last_at")
    list_filter = ("reason", "source")
    list_select_related = ("source",)
    search_fields = ("source_key",)
    ordering = ("-last_at",)
    fields = ("source_key", "reason", "source", "readings", "kept", "example", "first_at", "last_at")


@admin.register(HeldBackReading)
class HeldBackReadingAdmin(ReadOnlyAdmin):
    list_display = ("series", "sent_at", "value", "text", "received_at")
    list_select_related = ("series",)
    ordering = ("-pk",)
    fields = ("series", "received_at", "sent_at", "value", "quality", "text")


@admin.register(Intake)
class IntakeAdmin(ReadOnlyAdmin):
    list_display = ("minute", "source", "stored", "duplicates", "late", "not_good", "held_back", "refused")
    list_filter = ("source",)
    list_select_related = ("source",)
    ordering = ("-minute", "source__code")
    fields = ("source", "minute", "stored", "duplicates", "late", "not_good", "held_back", "refused", "last_at")


@admin.register(ReadingArchive)
class ReadingArchiveAdmin(ReadOnlyAdmin):
    list_display = ("day", "file_name", "readings", "size", "made_at")
    search_fields = ("file_name",)
    ordering = ("-day", "-pk")
    fields = ("day", "file_name", "readings", "size", "sha256", "made_at")
