from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.access_review import MORE_COLUMNS
from accounts.admin import USER_INLINES
from audit.admin_base import AuditedAdmin, AuditedInline, ReadOnlyHistoryAdmin, tones
from audit.admin_forms import RowForm, posted, step_page
from equipment.enums import LineState, ReasonKind
from equipment.models import Area, Equipment, LineAssignment, LineStateInterval, ProductionLine, ReasonCode, Site
from equipment.queries.line_assignments import lines_by_account
from equipment.scope import visible
from equipment.services.line_assignments import CHANGE_USERS, assign_line, set_assignment
from equipment.services.line_states import explain_interval, set_line_state

SET_STATE = "equipment.set_line_state"
STATE_COLOURS = tones(LineState, {LineState.STOPPED: "danger", LineState.SETUP: "info"})


@admin.register(Site)
class SiteAdmin(AuditedAdmin):
    list_display = ("code", "name", "time_zone", "production_day_start")
    search_fields = ("code", "name")
    fields = ("code", "name", "time_zone", "production_day_start")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """One instance serves one site."""
        return super().has_add_permission(request) and not Site.objects.exists()


@admin.register(Area)
class AreaAdmin(AuditedAdmin):
    list_display = ("code", "name", "site")
    list_select_related = ("site",)
    search_fields = ("code", "name")
    ordering = ("code",)
    fields = ("site", "code", "name")


@admin.register(ProductionLine)
class ProductionLineAdmin(AuditedAdmin):
    list_display = ("line_code", "line_name", "area", "capacity_per_hour", "efficiency_rate", "is_active")
    list_filter = ("area", "is_active")
    list_select_related = ("area",)
    search_fields = ("line_code", "line_name")
    ordering = ("line_code",)
    autocomplete_fields = ("area",)
    fields = ("area", "line_code", "line_name", "capacity_per_hour", "efficiency_rate", "is_active")


@admin.register(Equipment)
class EquipmentAdmin(AuditedAdmin):
    list_display = ("code", "name", "kind", "line", "is_active")
    list_filter = ("line", "kind", "is_active")
    list_select_related = ("line",)
    search_fields = ("code", "name", "kind")
    ordering = ("code",)
    autocomplete_fields = ("line",)
    fields = ("line", "code", "name", "kind", "is_active")


@admin.register(ReasonCode)
class ReasonCodeAdmin(AuditedAdmin):
    list_display = ("code", "kind", "name", "name_ja", "is_planned", "sort_order", "is_active")
    list_filter = ("kind", "is_planned", "is_active")
    search_fields = ("code", "name", "name_ja")
    ordering = ("kind", "sort_order", "code")
    fields = ("kind", "code", "name", "name_ja", "is_planned", "sort_order", "is_active")


class ForWhoChangesUsers:
    """Rights per line are part of an account: who may change accounts changes them, nobody else."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CHANGE_USERS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CHANGE_USERS)


@admin.register(LineAssignment)
class LineAssignmentAdmin(ForWhoChangesUsers, AuditedAdmin):
    list_display = ("user", "line", "is_active", "updated_at", "updated_by")
    list_filter = ("line", "is_active")
    list_select_related = ("user", "line", "updated_by")
    search_fields = ("user__username", "user__printed_name", "line__line_code", "line__line_name")
    ordering = ("user__username", "line__line_code")
    autocomplete_fields = ("user", "line")
    fields = ("user", "line", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *(("user", "line") if obj else ("is_active",)))

    def create(self, values: dict[str, Any]) -> LineAssignment:
        return assign_line(user_id=values["user"].pk, line_id=values["line"].pk)

    def update(self, *, pk: UUID, seen_version: int, reason: str, changes: dict[str, Any]) -> LineAssignment:
        return set_assignment(
            assignment_id=pk, expected_version=seen_version, reason=reason, is_active=changes.get("is_active")
        )


class LineAssignmentForm(RowForm):
    """A row keeps its line; a new one is active."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_active" if self.instance._state.adding else "line"].disabled = True


class LineAssignmentInline(ForWhoChangesUsers, AuditedInline):
    model = LineAssignment
    form = LineAssignmentForm
    fk_name = "user"
    fields = ("line", "is_active")
    autocomplete_fields = ("line",)
    ordering = ("line__line_code",)
    verbose_name_plural = _("Lines this account works on (none active: the whole plant)")


USER_INLINES.append(LineAssignmentInline)
MORE_COLUMNS.append((_("Lines (none: the whole plant)"), lines_by_account))


def _stop_reasons() -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        ReasonCode.objects.filter(kind=ReasonKind.STOP, is_active=True).order_by("sort_order", "code"),
        label=_("Reason"),
        widget=UnfoldAdminSelectWidget,
    )


class ExplainForm(forms.Form):
    reason = _stop_reasons()
    comment = forms.CharField(label=_("Comment"), max_length=500, required=False, widget=UnfoldAdminTextInputWidget)


class LineStateForm(forms.Form):
    line = forms.ModelChoiceField(
        ProductionLine.objects.filter(is_active=True).order_by("line_code"),
        label=_("Production line"),
        widget=UnfoldAdminSelectWidget,
    )
    state = forms.ChoiceField(label=_("State"), choices=LineState.choices, widget=UnfoldAdminSelectWidget)
    reason = _stop_reasons()
    comment = forms.CharField(label=_("Comment"), max_length=500, required=False, widget=UnfoldAdminTextInputWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False
        self.fields["line"].queryset = visible(self.fields["line"].queryset)


@admin.register(LineStateInterval)
class LineStateIntervalAdmin(ReadOnlyHistoryAdmin):
    list_display = ("line", "state_shown", "started_at", "ended_at", "reason", "comment", "source", "reported_by")
    list_filter = (
        "line",
        "state",
        "source",
        ("reason", admin.EmptyFieldListFilter),
        ("started_at", RangeDateTimeFilter),
    )
    list_select_related = ("line", "reason", "reported_by")
    search_fields = ("line__line_code", "line__line_name", "comment")
    date_hierarchy = "started_at"
    ordering = ("-started_at",)
    fields = (
        "line",
        "state",
        "started_at",
        "ended_at",
        "reason",
        "comment",
        "source",
        "reported_by",
        "explained_by",
        "explained_at",
    )
    actions_list = ("set_state",)
    actions_detail = ("explain",)

    @display(description=_("State"), ordering="state", label=STATE_COLOURS)
    def state_shown(self, obj: LineStateInterval) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        return super().get_actions_list(request) if request.user.has_perm(SET_STATE) else []

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        interval = self.get_object(request, object_id) if request.user.has_perm(SET_STATE) else None
        stopped = interval is not None and interval.state == LineState.STOPPED
        return super().get_actions_detail(request, object_id) if stopped else []

    @action(description=_("Set a line's state"), url_path="set-state", icon="toggle_on")
    def set_state(self, request: HttpRequest) -> HttpResponse:
        self.must_hold(request, SET_STATE)
        return step_page(
            request,
            self,
            form=LineStateForm(posted(request)),
            act=lambda entered: set_line_state(
                line_id=entered["line"].pk,
                state=entered["state"],
                reason_id=entered["reason"] and entered["reason"].pk,
                comment=entered["comment"],
            ),
            title=_("Set a line's state"),
            button=_("Set the state"),
            done=_("The line's state is set."),
            back=reverse("admin:equipment_linestateinterval_changelist"),
        )

    @action(description=_("Explain the stop"), url_path="explain", icon="help")
    def explain(self, request: HttpRequest, object_id: str) -> HttpResponse:
        interval = self.record(request, object_id, permission=SET_STATE)
        return step_page(
            request,
            self,
            form=ExplainForm(posted(request), initial={"reason": interval.reason_id, "comment": interval.comment}),
            act=lambda entered: explain_interval(
                interval_id=interval.pk, reason_id=entered["reason"].pk, comment=entered["comment"]
            ),
            title=_("Explain the stop"),
            button=_("Save the reason"),
            done=_("The stop is explained."),
            back=self.page_of(interval),
        )
