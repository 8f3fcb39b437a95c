from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from audit.admin_base import AuditedAdmin, AuditedInline, ReadOnlyAdmin
from audit.admin_forms import VersionedForm, posted, step_page
from production.models import Batch, Routing, RoutingOperation, ScheduledShift, Shift
from production.models.calendar import every_day
from production.services.calendar import cancel_shift

CHANGE_SHIFT = "production.change_scheduledshift"


class RoutingOperationInline(AuditedInline):
    model = RoutingOperation
    fields = ("sequence", "name", "run_time_seconds", "setup_time_seconds", "production_line")
    autocomplete_fields = ("production_line",)
    ordering = ("sequence",)


@admin.register(Routing)
class RoutingAdmin(AuditedAdmin):
    list_display = ("product", "revision", "is_active")
    list_filter = ("is_active", ("product", AutocompleteSelectFilter))
    list_select_related = ("product",)
    search_fields = ("product__product_code", "product__product_name", "revision")
    ordering = ("product__product_code", "revision")
    autocomplete_fields = ("product",)
    fields = ("product", "revision", "is_active")
    inlines = (RoutingOperationInline,)


@admin.register(RoutingOperation)
class RoutingOperationAdmin(AuditedAdmin):
    list_display = ("routing", "sequence", "name", "run_time_seconds", "setup_time_seconds", "production_line")
    list_filter = ("production_line", "routing__is_active")
    list_select_related = ("routing__product", "production_line")
    search_fields = ("name", "routing__product__product_code", "routing__product__product_name")
    ordering = ("routing__product__product_code", "routing__revision", "sequence")
    autocomplete_fields = ("routing", "production_line")
    fields = ("routing", "sequence", "name", "run_time_seconds", "setup_time_seconds", "production_line")


@admin.register(Batch)
class BatchAdmin(AuditedAdmin):
    list_display = ("batch_number", "product", "created_at")
    list_filter = (("product", AutocompleteSelectFilter),)
    list_select_related = ("product",)
    search_fields = ("batch_number", "product__product_code", "product__product_name")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    autocomplete_fields = ("product",)
    fields = ("batch_number", "product")


WEEKDAYS = (
    (1, _("Monday")),
    (2, _("Tuesday")),
    (3, _("Wednesday")),
    (4, _("Thursday")),
    (5, _("Friday")),
    (6, _("Saturday")),
    (7, _("Sunday")),
)


class ShiftForm(VersionedForm):
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Weekdays"),
        choices=WEEKDAYS,
        coerce=int,
        initial=every_day,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )


@admin.register(Shift)
class ShiftAdmin(AuditedAdmin):
    form = ShiftForm
    list_display = ("name", "line", "start_time", "end_time", "days", "is_active")
    list_filter = ("line", "is_active")
    list_select_related = ("line",)
    search_fields = ("name",)
    ordering = ("name",)
    autocomplete_fields = ("line",)
    fields = ("name", "line", "start_time", "end_time", "weekdays", "is_active")

    @admin.display(description=_("weekdays"))
    def days(self, obj: Shift) -> str:
        names = dict(WEEKDAYS)
        return ", ".join(str(names[day]) for day in sorted(obj.weekdays))


@admin.register(ScheduledShift)
class ScheduledShiftAdmin(ReadOnlyAdmin):
    """Laid out by the beat from the shift patterns; a person only takes a day out or puts it back."""

    list_display = ("production_date", "line", "shift", "starts_at", "ends_at", "is_cancelled")
    list_filter = ("line", "shift", "is_cancelled")
    list_select_related = ("line", "shift")
    search_fields = ("line__line_code", "line__line_name", "shift__name")
    date_hierarchy = "production_date"
    ordering = ("-production_date", "line__line_code", "starts_at")
    fields = ("production_date", "line", "shift", "starts_at", "ends_at", "is_cancelled")
    actions_detail = ("cancel", "restore")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        shift = self.get_object(request, object_id) if request.user.has_perm(CHANGE_SHIFT) else None
        if shift is None:
            return []
        wanted = "restore" if shift.is_cancelled else "cancel"
        return [found for found in super().get_actions_detail(request, object_id) if found.path == wanted]

    @action(description=_("Take this shift out"), url_path="cancel", icon="event_busy")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set(request, object_id, title=_("Take this shift out"), cancelled=True)

    @action(description=_("Put this shift back"), url_path="restore", icon="event_available")
    def restore(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set(request, object_id, title=_("Put this shift back"), cancelled=False)

    def _set(self, request: HttpRequest, object_id: str, *, title: Any, cancelled: bool) -> HttpResponse:
        shift = self.record(request, object_id, permission=CHANGE_SHIFT)
        return step_page(
            request,
            self,
            form=forms.Form(posted(request)),
            act=lambda _entered: cancel_shift(scheduled_shift_id=shift.pk, cancelled=cancelled),
            title=title,
            button=title,
            done=_("The shift is taken out.") if cancelled else _("The shift is put back."),
            back=self.page_of(shift),
            explanation=_("Key figures of that day are computed anew with the changed planned time."),
        )
