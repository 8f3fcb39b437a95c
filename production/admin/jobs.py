from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.admin_base import ReadOnlyAdmin, ReadOnlyHistoryAdmin, tones
from audit.admin_forms import NoteForm, posted, step_page
from audit.attempts import permission_remembered
from audit.context import uuid7
from audit.transitions import Edge
from equipment.enums import ReasonKind
from equipment.models import ReasonCode
from mfg_project.common.admin_columns import quantity
from production.enums import JobOrderStatus
from production.models import JobOrder, OperationRun, QuantityReport
from production.services import job_orders as services
from production.transitions import JOB_COMPLETE, JOB_HOLD, JOB_ORDER, JOB_START

REPORT = "production.report_quantity"
STATUS_COLOURS = tones(JobOrderStatus, {JobOrderStatus.HELD: "warning", JobOrderStatus.RUNNING: "info"})


def _reasons(kind: str, *, required: bool) -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        ReasonCode.objects.filter(kind=kind, is_active=True).order_by("sort_order", "code"),
        label=_("Reason"),
        required=required,
        widget=UnfoldAdminSelectWidget,
    )


def _pieces(label: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, initial=0, max_digits=12, decimal_places=4, widget=UnfoldAdminDecimalFieldWidget
    )


def _comment() -> forms.CharField:
    return forms.CharField(label=_("Comment"), max_length=500, required=False, widget=UnfoldAdminTextInputWidget)


class HoldJobForm(forms.Form):
    reason = _reasons(ReasonKind.HOLD, required=True)
    comment = _comment()


class ReportForm(forms.Form):
    client_token = forms.UUIDField(widget=forms.HiddenInput)  # a second click finds the first one's report
    good = _pieces(_("Good"))
    scrap = _pieces(_("Scrap"))
    rework = _pieces(_("Rework"))
    reason = _reasons(ReasonKind.SCRAP, required=False)
    comment = _comment()


@admin.register(JobOrder)
class JobOrderAdmin(ReadOnlyHistoryAdmin):
    """Made when its order is planned, run by its own services."""

    list_display = ("work_order", "sequence", "operation_name", "production_line", "status_shown", "made", "lost")
    list_filter = (("status", ChoicesCheckboxFilter), "production_line", ("actual_start", RangeDateTimeFilter))
    list_select_related = ("work_order", "production_line")
    search_fields = ("work_order__work_order_number", "operation_name")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "work_order", "sequence")
    fields = (
        "work_order",
        "sequence",
        "operation_name",
        "production_line",
        "status",
        "run_time",
        "setup_time",
        "made",
        "lost",
        "to_rework",
        "actual_start",
        "actual_end",
    )
    actions_detail = ("start", "report", "hold", "complete")

    run_time = quantity("run_time_seconds", _("run time per piece (s)"))
    setup_time = quantity("setup_time_seconds", _("setup time (s)"))
    made = quantity("good", _("good"))
    lost = quantity("scrap", _("scrap"))
    to_rework = quantity("rework", _("rework"))

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
    def status_shown(self, obj: JobOrder) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        job = self.get_object(request, object_id)
        if job is None:
            return []
        allowed = {e.name for e in JOB_ORDER.allowed(job) if request.user.has_perm(e.permission)}
        if job.status == JobOrderStatus.RUNNING and request.user.has_perm(REPORT):
            allowed.add("report")
        return [found for found in super().get_actions_detail(request, object_id) if found.path in allowed]

    @action(description=JOB_START.label, url_path="start", icon="play_circle")
    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(
            request,
            self._job(request, object_id, JOB_START),
            form=forms.Form(posted(request)),
            act=lambda job, _entered: services.start_job(job_order_id=job.pk),
            button=JOB_START.label,
        )

    @action(description=_("Report quantity"), url_path="report", icon="exposure_plus_1")
    def report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(
            request,
            self.record(request, object_id, permission=REPORT),
            form=ReportForm(posted(request), initial={"client_token": uuid7()}),
            act=_report,
            button=_("Report quantity"),
        )

    @action(description=JOB_HOLD.label, url_path="hold", icon="pause_circle")
    def hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(
            request,
            self._job(request, object_id, JOB_HOLD),
            form=HoldJobForm(posted(request)),
            act=lambda job, entered: services.hold_job(
                job_order_id=job.pk, reason_id=entered["reason"].pk, comment=entered["comment"]
            ),
            button=JOB_HOLD.label,
        )

    @action(description=JOB_COMPLETE.label, url_path="complete", icon="check_circle")
    def complete(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(
            request,
            self._job(request, object_id, JOB_COMPLETE),
            form=forms.Form(posted(request)),
            act=lambda job, _entered: services.complete_job(job_order_id=job.pk),
            button=JOB_COMPLETE.label,
        )

    def _job(self, request: HttpRequest, object_id: str, edge: Edge) -> JobOrder:
        with permission_remembered(JobOrder, object_id, edge, tries=request.method == "POST"):
            job: JobOrder = self.record(request, object_id, permission=edge.permission)
        return job

    def _step(self, request: HttpRequest, job: JobOrder, *, form: forms.Form, act: Any, button: Any) -> HttpResponse:
        return step_page(
            request,
            self,
            form=form,
            act=lambda entered: act(job, entered),
            title=f"{button}: {job}",
            button=button,
            done=_("%(job)s: “%(step)s” is done.") % {"job": job, "step": button},
            back=self.page_of(job),
        )


def _report(job: JobOrder, entered: dict[str, Any]) -> None:
    services.report_quantity(
        job_order_id=job.pk,
        good=entered["good"],
        scrap=entered["scrap"],
        rework=entered["rework"],
        reason_id=entered["reason"] and entered["reason"].pk,
        comment=entered["comment"],
        client_token=entered["client_token"],
    )


@admin.register(QuantityReport)
class QuantityReportAdmin(ReadOnlyAdmin):
    list_display = ("reported_at", "job_order", "production_line", "made", "lost", "to_rework", "reason", "reported_by")
    list_filter = ("production_line", "source", "reason", ("reported_at", RangeDateTimeFilter))
    list_select_related = ("job_order__work_order", "production_line", "reason", "reported_by")
    search_fields = ("job_order__work_order__work_order_number", "job_order__operation_name", "comment")
    date_hierarchy = "reported_at"
    ordering = ("-reported_at",)
    fields = (
        "job_order",
        "production_line",
        "made",
        "lost",
        "to_rework",
        "reason",
        "comment",
        "reported_at",
        "reported_by",
        "source",
        "reverses",
        "client_token",
        "created_at",
    )
    actions_detail = ("undo",)
    made = quantity("good", _("good"))
    lost = quantity("scrap", _("scrap"))
    to_rework = quantity("rework", _("rework"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        report = self.get_object(request, object_id) if request.user.has_perm(REPORT) else None
        if report is None or report.reverses_id or hasattr(report, "reversed_by"):
            return []
        return super().get_actions_detail(request, object_id)

    @action(description=_("Undo this report"), url_path="undo", icon="undo")
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        report = self.record(request, object_id, permission=REPORT)
        return step_page(
            request,
            self,
            form=NoteForm(posted(request)),
            act=lambda entered: services.undo_report(report_id=report.pk, reason=entered["reason"]),
            title=_("Undo this report"),
            button=_("Undo this report"),
            done=_("The report is undone; both stay on record."),
            back=self.page_of(report),
        )


@admin.register(OperationRun)
class OperationRunAdmin(ReadOnlyAdmin):
    list_display = ("job_order", "piece", "equipment", "started_at", "ended_at", "active_seconds", "odd", "source")
    list_filter = ("equipment", "source", ("started_at", RangeDateTimeFilter))
    list_select_related = ("job_order__work_order", "equipment")
    search_fields = ("piece", "job_order__work_order__work_order_number", "job_order__operation_name")
    date_hierarchy = "started_at"
    ordering = ("-started_at",)
    fields = (
        "job_order",
        "piece",
        "equipment",
        "started_at",
        "ended_at",
        "active_seconds",
        "odd",
        "details",
        "source",
    )

    @admin.display(description=_("flags"))
    def odd(self, obj: OperationRun) -> str:
        return ", ".join(obj.flags) or "—"
