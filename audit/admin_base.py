"""The admin's base classes. Nothing in the admin bypasses a service, nothing regulated is deleted there."""

import datetime as dt
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.contrib.admin.filters import AllValuesFieldListFilter, FieldListFilter, RelatedFieldListFilter
from django.contrib.admin.utils import flatten_fieldsets, reverse_field_path
from django.core.exceptions import PermissionDenied
from django.db import models
from django.forms import BaseModelFormSet, ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, TabularInline

from audit import access, master_data
from audit.admin_forms import RowForm, ServiceForm, VersionedForm
from audit.context import permission_label
from audit.errors import DomainError
from audit.models import AuditedModel

# Bookkeeping of the version itself; a signature is shown beside the record, not as a change of it.
NOT_NEWS = {
    "version",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
    "data_integrity_hash",
    "electronic_signature",
}
RECORD_FIELDS = ("created_at", "created_by", "updated_at", "updated_by", "version")


def tones(choices: type[models.TextChoices], marked: dict[str, str]) -> dict[str, str | None]:
    """Colours of a status column, complete: of a value without one Unfold would print the bare code."""
    return dict.fromkeys(choices.values) | marked


class VisibleRelatedFilter(RelatedFieldListFilter):
    """The filter beside a list names no record its reader may not see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        everything = field.remote_field.model._default_manager.all()
        seen = access.visible(everything)
        if seen is everything:
            return super().field_choices(field, request, model_admin)
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(
            include_blank=False, ordering=ordering, limit_choices_to={"pk__in": seen.order_by().values("pk")}
        )


class VisibleValuesFilter(AllValuesFieldListFilter):
    """The same for the values of a linked record (Django's own filter knows the rows of the listed model only)."""

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        linked, _way_back = reverse_field_path(model, field_path)
        rows = access.visible(linked._default_manager.all())
        self.lookup_choices = rows.distinct().order_by(field.name).values_list(field.name, flat=True)


FieldListFilter.register(lambda field: field.remote_field, VisibleRelatedFilter, take_priority=True)


class VisibleRows:
    """Lists, pages, autocompletion and choices hold only what the reader may see; the rest does not exist for him."""

    model: Any

    def get_queryset(self, request: HttpRequest) -> Any:
        return access.visible(super().get_queryset(request))

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        """Choices of a link. Master data of the whole plant (a routing's operation) keeps the line it names."""
        chosen = super().get_field_queryset(db, db_field, request)
        everything = db_field.remote_field.model._default_manager.using(db) if chosen is None else chosen
        seen = access.visible(everything)
        return chosen if seen is everything or not access.is_limited(self.model) else seen


class StrictAdmin(VisibleRows, ModelAdmin):
    """What holds for every page of the admin: no deleting, and no form that writes by itself."""

    list_per_page = 50
    empty_value_display = "—"
    show_full_result_count = False
    list_filter_submit = True

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        raise NotImplementedError(f"{type(self).__name__} names no service to save with")

    def shows_history(self, request: HttpRequest, obj: models.Model | None) -> bool:
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["show_history"] = self.shows_history(request, kwargs.get("obj"))
        return super().render_change_form(request, context, *args, **kwargs)

    def page_of(self, obj: models.Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk])

    def must_hold(self, request: HttpRequest, permission: str) -> None:
        if not request.user.has_perm(permission):
            raise PermissionDenied(
                _("This needs the permission “%(permission)s”.") % {"permission": permission_label(permission)}
            )

    def record(self, request: HttpRequest, object_id: str, *, permission: str) -> Any:
        """The record a step page is about, for who holds `permission`; 403 and 404 otherwise."""
        self.must_hold(request, permission)
        obj = self.get_object(request, object_id)
        if obj is None or not self.has_view_permission(request, obj):
            raise Http404
        return obj


class ServiceAdmin(StrictAdmin):
    """Each save is one call of a service. What it refuses is shown in the form, with everything typed still in it."""

    form = ServiceForm

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        form = super().get_form(request, obj, change, **kwargs)
        form.refusal = getattr(request, "refusal", None)  # a class of this request only
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as refused:  # everything is rolled back; the same input comes back with the reason
            request.refusal = refused
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_formset(self, request: HttpRequest, form: Any, formset: BaseModelFormSet, change: bool) -> None:
        """Rows of an inline, each by the same services. The parent is saved already, so its key is known."""
        admin = self.admin_site._registry[formset.model]
        for row in formset.initial_forms:
            if row.has_changed():
                admin._update(row.instance, row, reason=form.cleaned_data.get("change_reason", ""))
        for row in formset.extra_forms:
            if row.has_changed():
                admin.create(row.values() | {formset.fk.name: form.instance})
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []  # read by the admin's log


class ReadOnlyAdmin(StrictAdmin):
    """Evidence and derived facts: looked at, never touched."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))


class HistoryAdmin(SimpleHistoryAdmin, StrictAdmin):
    """The readable history of a record, for who may read histories; nobody goes back by pressing a button there."""

    object_history_list_template = "admin/history_list.html"
    enforce_history_permissions = True

    def has_change_history_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if self.get_object(request, object_id) is None:  # the library fails on a key that is none
            raise Http404
        return super().history_view(request, object_id, extra_context)

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method == "POST":  # the library would save the old version
            raise PermissionDenied
        if self.get_object(request, object_id) is None or not version_id.isdecimal():
            raise Http404
        request.shows_the_past = True
        return super().history_form_view(request, object_id, version_id, extra_context)

    def set_history_delta_changes(
        self, request: HttpRequest, historical_records: Any, foreign_keys_are_objs: bool = True
    ) -> None:
        """Old and new value of every field, the read-only ones (status, actual times) included."""
        fields = [f for f in self.opts.concrete_fields if f.name not in NOT_NEWS]
        for newer, older in pairwise(historical_records):
            newer.history_delta_changes = [
                {"field": field.verbose_name, "old": _shown(older, field), "new": _shown(newer, field)}
                for field in fields
                if getattr(newer, field.attname) != getattr(older, field.attname)
            ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if getattr(request, "shows_the_past", False):
            return flatten_fieldsets(self.get_fieldsets(request, obj))
        return super().get_readonly_fields(request, obj)

    def shows_history(self, request: HttpRequest, obj: models.Model | None) -> bool:
        return self.has_view_history_permission(request, obj)


def _shown(version: Any, field: models.Field) -> Any:
    value = getattr(version, field.name)
    if field.choices:
        return dict(field.flatchoices).get(value, value)
    return localtime(value).strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, dt.datetime) else value


class ReadOnlyHistoryAdmin(HistoryAdmin, ReadOnlyAdmin):
    """Changed by services only, with a history that can be read."""


class AuditedAdmin(HistoryAdmin, ServiceAdmin):
    """Master data, saved with the version the person saw.

    A subclass whose records have rules of their own overrides `create` and `update` with its own services.
    """

    form = VersionedForm
    change_form_before_template = "admin/seen_version.html"

    def create(self, values: dict[str, Any]) -> AuditedModel:
        return master_data.create_record(self.model, **values)

    def update(self, *, pk: UUID, seen_version: int, reason: str, changes: dict[str, Any]) -> AuditedModel:
        return master_data.update_record(self.model, pk=pk, expected_version=seen_version, reason=reason, **changes)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = list(super().get_fieldsets(request, obj))
        if obj is None:
            return fieldsets
        if self.has_change_permission(request, obj) and not getattr(request, "shows_the_past", False):
            fieldsets.append((None, {"fields": ["change_reason"]}))
        return [*fieldsets, (_("Record"), {"fields": list(RECORD_FIELDS), "classes": ["collapse"]})]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or [
            field.name for field in self.opts.concrete_fields if field.editable and field.name not in RECORD_FIELDS
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *RECORD_FIELDS)

    def save_model(self, request: HttpRequest, obj: Any, form: VersionedForm, change: bool) -> None:
        if change:
            self._update(obj, form, reason=form.cleaned_data["change_reason"])
        else:
            saved = self.create(form.values())
            obj.pk, obj.version, obj._state.adding = saved.pk, saved.version, False

    def _update(self, obj: Any, form: VersionedForm, *, reason: str) -> None:
        self.update(
            pk=obj.pk,
            seen_version=form.cleaned_data["seen_version"],
            reason=reason,
            changes=form.changes(),
        )


class AuditedInline(VisibleRows, TabularInline):
    """Rows saved by the admin of their own model (`AuditedAdmin.save_formset`), for the reason of the whole page."""

    form = RowForm
    extra = 0
    show_change_link = True

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, "seen_version"]

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False
