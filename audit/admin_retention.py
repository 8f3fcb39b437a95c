"""Retention in the admin: how long records are kept, what is kept regardless, and where old months lie."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.filters import EmptyFieldListFilter
from django.db.models import Field, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from audit import retention
from audit.admin_base import AuditedAdmin, ReadOnlyAdmin, ServiceAdmin
from audit.admin_forms import ReasonForm, posted, step_page
from audit.models import ArchiveCheck, JournalArchive, JournalMonth, LegalHold, RetentionPolicy, Verdict
from audit.models.review import EVERYTHING
from audit.queries.retention import overview, policy_types
from audit.queries.review import review_due
from audit.record_types import type_label
from audit.verification.shipped import journalled

VIEW_POLICIES = "audit.view_retentionpolicy"


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(AuditedAdmin):
    list_display = ("type_shown", "years", "basis", "updated_at")
    ordering = ("record_type",)
    search_fields = ("record_type", "basis")
    actions_list = ("overview",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["type_shown" if obj else "record_type", "years", "basis"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("type_shown", *super().get_readonly_fields(request, obj))

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "record_type":
            return forms.ChoiceField(
                label=capfirst(db_field.verbose_name), choices=policy_types, widget=UnfoldAdminSelectWidget
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def create(self, values: dict[str, Any]) -> RetentionPolicy:
        return retention.set_policy(**values)

    def update(self, *, pk: UUID, seen_version: int, reason: str, changes: dict[str, Any]) -> RetentionPolicy:
        return retention.update_policy(pk=pk, expected_version=seen_version, reason=reason, **changes)

    @display(description=_("record type"), ordering="record_type")
    def type_shown(self, obj: RetentionPolicy) -> str:
        return type_label(obj.record_type)

    @action(description=_("What is past its years"), url_path="overview", icon="event_busy")
    def overview(self, request: HttpRequest) -> HttpResponse:
        self.must_hold(request, VIEW_POLICIES)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Retention by record type"),
            "rows": overview(),
            "reviewed_until": last.until if (last := review_due(EVERYTHING).last) else None,
            "back": reverse("admin:audit_retentionpolicy_changelist"),
        }
        return render(request, "admin/retention.html", context)


@admin.register(LegalHold)
class LegalHoldAdmin(ServiceAdmin, ReadOnlyAdmin):
    """Placed and lifted, never edited."""

    list_display = ("covers", "reason", "placed_at", "placed_by", "lifted_at", "lifted_by")
    list_filter = (("lifted_at", EmptyFieldListFilter),)
    search_fields = ("record_type", "record_key", "reason")
    ordering = ("-placed_at",)
    list_select_related = ("placed_by", "lifted_by")
    actions_detail = ("lift",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(retention.PLACE))

    def get_fields(self, request: HttpRequest, obj: LegalHold | None = None) -> Any:
        if obj is None:
            return ("record_type", "record_key", "reason")
        lifted = ("lifted_at", "lifted_by", "lift_reason") if obj.lifted_at else ()
        return ("covers", "reason", "placed_at", "placed_by", *lifted)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_readonly_fields(request, obj) if obj else ()

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "record_type":
            return forms.ChoiceField(
                label=capfirst(db_field.verbose_name),
                choices=_covered_types,
                required=False,
                widget=UnfoldAdminSelectWidget,
            )
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "record_key":
            field.help_text = _("Empty: every record of the type. The key stands in the address of the record.")
        return field

    def save_model(self, request: HttpRequest, obj: LegalHold, form: Any, change: bool) -> None:
        entered = form.cleaned_data
        saved = retention.place_hold(**{name: entered[name] for name in ("record_type", "record_key", "reason")})
        obj.pk, obj._state.adding = saved.pk, False

    @display(description=_("covers"), ordering="record_type")
    def covers(self, obj: LegalHold) -> str:
        return str(obj)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        if not request.user.has_perm(retention.LIFT):
            return []
        hold = self.get_object(request, str(object_id))
        return super().get_actions_detail(request, object_id) if hold and hold.lifted_at is None else []

    @action(description=_("Lift the hold"), url_path="lift", icon="lock_open")
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        hold = self.record(request, object_id, permission=retention.LIFT)
        return step_page(
            request,
            self,
            form=ReasonForm(posted(request)),
            act=lambda entered: retention.lift_hold(hold_id=hold.pk, reason=entered["reason"]),
            title=_("Lift the legal hold: %(what)s") % {"what": hold},
            button=_("Lift the hold"),
            done=_("The legal hold is lifted."),
            back=self.page_of(hold),
        )


def _covered_types() -> list[tuple[str, Any]]:
    types = sorted(((table, type_label(table)) for table in journalled()), key=lambda each: each[1])
    return [("", _("Everything")), *types]


@admin.register(JournalArchive)
class JournalArchiveAdmin(ReadOnlyAdmin):
    list_display = ("name", "month", "epoch", "entries", "last_verdict", "archived_at", "archived_by")
    list_filter = ("month",)
    search_fields = ("name", "sha256")
    ordering = ("-month", "-epoch", "-id")
    list_select_related = ("archived_by",)
    fields = (
        *("name", "place", "sha256", "month", "epoch", "entries", ("first_leaf", "last_leaf"), "leaves_digest"),
        *("checkpoint_size", "checkpoint_text", "archived_at", "archived_by", "last_verdict"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        newest = ArchiveCheck.objects.filter(archive=OuterRef("pk")).order_by("-checked_at", "-id")
        return super().get_queryset(request).annotate(verdict_now=Subquery(newest.values("verdict")[:1]))

    @display(description=_("last verdict"))
    def last_verdict(self, obj: Any) -> str:
        return str(Verdict(obj.verdict_now).label) if obj.verdict_now else "—"

    @display(description=_("signed checkpoint"))
    def checkpoint_text(self, obj: JournalArchive) -> str:
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', obj.checkpoint)


@admin.register(ArchiveCheck)
class ArchiveCheckAdmin(ReadOnlyAdmin):
    list_display = ("checked_at", "archive", "verdict")
    list_filter = ("verdict",)
    search_fields = ("archive__name",)
    ordering = ("-checked_at", "-id")
    list_select_related = ("archive",)
    fields = ("checked_at", "archive", "verdict", "detail_text")

    @display(description=_("detail"))
    def detail_text(self, obj: ArchiveCheck) -> str:
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', obj.detail or "—")


@admin.register(JournalMonth)
class JournalMonthAdmin(ReadOnlyAdmin):
    list_display = ("month", "step", "entries", "at", "actor_name", "reason")
    list_filter = ("step",)
    search_fields = ("actor_name", "reason")
    ordering = ("-month", "-id")
    fields = ("month", "step", "entries", "at", "actor_name", "reason")
