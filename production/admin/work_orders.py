import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesCheckboxFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from audit.admin_base import AuditedAdmin, tones
from audit.admin_forms import NoteForm, ReasonForm, SignForm, VersionedForm, posted, step_page
from audit.attempts import permission_remembered
from audit.canonical import digest
from audit.policies import active_policies
from audit.signatures import signatures_of
from audit.transitions import Edge, Signed, history_of
from mfg_project.common.admin_columns import quantity
from mfg_project.common.formats import moment, number
from mfg_project.common.signing import parts_of, still_as_read
from production.enums import FINAL_STATUSES, WorkOrderStatus
from production.forms import JsonField
from production.models import WorkOrder
from production.queries.signing import LABEL, may_give_part, policy_of, step_label
from production.queries.work_orders import matching
from production.services import work_orders as services
from production.services.signing import sign_work_order_step
from production.transitions import CANCEL, COMPLETE, HOLD, PLAN, RELEASE, RESUME, WORK_ORDER

STATUS_COLOURS = tones(WorkOrderStatus, {WorkOrderStatus.ON_HOLD: "warning", WorkOrderStatus.IN_PROGRESS: "info"})
LINKS = ("product", "production_line", "batch")


def _json_field(label: Any) -> JsonField:
    return JsonField(label=label, required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


class WorkOrderForm(VersionedForm):
    manufacturing_parameters = _json_field(_("Manufacturing parameters"))
    quality_requirements = _json_field(_("Quality requirements"))


@admin.register(WorkOrder)
class WorkOrderAdmin(AuditedAdmin):
    form = WorkOrderForm
    list_display = (
        "work_order_number",
        "product",
        "production_line",
        "status_shown",
        "priority",
        "planned",
        "made",
        "scheduled_start",
        "scheduled_end",
    )
    list_filter = (
        ("status", ChoicesCheckboxFilter),
        "production_line",
        ("product", AutocompleteSelectFilter),
        ("scheduled_start", RangeDateTimeFilter),
    )
    list_select_related = ("product", "production_line")
    search_fields = ("work_order_number", "product__product_code", "product__product_name", "batch__batch_number")
    date_hierarchy = "scheduled_start"
    ordering = ("-scheduled_start", "id")
    autocomplete_fields = ("product", "production_line", "batch")
    readonly_fields = ("status", "planned", "made", "actual_start", "actual_end", "parameters", "requirements")
    change_form_outer_after_template = "admin/production/work_order_evidence.html"
    actions_detail = ("plan", "release", "hold", "resume", "complete", "cancel")

    def get_fieldsets(self, request: HttpRequest, obj: WorkOrder | None = None) -> Any:
        edits = obj is None or self.has_change_permission(request, obj)
        made = ("status", "made", "actual_start", "actual_end") if obj else ()
        texts = ("manufacturing_parameters", "quality_requirements") if edits else ("parameters", "requirements")
        planned = "planned_quantity" if edits else "planned"
        own = [
            (None, {"fields": ("work_order_number", "product", planned, "uom", *made)}),
            (
                _("Schedule"),
                {"fields": ("production_line", "batch", "priority", "scheduled_start", "scheduled_end")},
            ),
            (_("Instructions"), {"fields": (*texts, "special_instructions")}),
        ]
        return own + list(super().get_fieldsets(request, obj))[1:]  # then what every audited record has

    def get_readonly_fields(self, request: HttpRequest, obj: WorkOrder | None = None) -> Any:
        fixed = ("work_order_number", "product") if obj else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def has_change_permission(self, request: HttpRequest, obj: WorkOrder | None = None) -> bool:
        closed = obj is not None and obj.status in FINAL_STATUSES
        return super().has_change_permission(request, obj) and not closed

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Every word must be found, as everywhere in the administration; how, the search of all doors knows."""
        for word in search_term.split():
            queryset = queryset.filter(matching(word))
        return queryset, False

    def create(self, values: dict[str, Any]) -> WorkOrder:
        return services.create_work_order(**_by_key(values))

    def update(self, *, pk: UUID, seen_version: int, reason: str, changes: dict[str, Any]) -> WorkOrder:
        return services.update_work_order(
            work_order_id=pk, expected_version=seen_version, reason=reason, **_by_key(changes)
        )

    planned = quantity("planned_quantity", _("planned quantity"))
    made = quantity("actual_quantity", _("good quantity"))

    @display(description=_("manufacturing parameters"))
    def parameters(self, obj: WorkOrder) -> str:
        return _json(obj.manufacturing_parameters)

    @display(description=_("quality requirements"))
    def requirements(self, obj: WorkOrder) -> str:
        return _json(obj.quality_requirements)

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
    def status_shown(self, obj: WorkOrder) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        order = kwargs.get("obj")
        if order is not None:
            context |= {
                "signatures": signatures_of(order),
                "steps": _steps(order),
                "jobs": _jobs(order),
                "order_key": str(order.pk),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    # --- steps --------------------------------------------------------------------------------------

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only the steps the status allows and the role may take; what else stands in the way is said on their page."""
        order = self.get_object(request, object_id)
        allowed = self._takable(request.user, order) if order else ()
        return [found for found in super().get_actions_detail(request, object_id) if found.path in allowed]

    def _takable(self, user: Any, order: WorkOrder) -> set[str]:
        policies = active_policies(LABEL)
        return {
            edge.name
            for edge in WORK_ORDER.allowed(order)
            if user.has_perm(edge.permission) or may_give_part(user, edge, policies.get(edge.name))
        }

    @action(description=PLAN.label, url_path="plan", icon="event_note", variant=ActionVariant.PRIMARY)
    def plan(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(
            request,
            object_id,
            PLAN,
            form_class=forms.Form,
            act=lambda order, _entered: services.plan_work_order(work_order_id=order.pk),
            explanation=_("The operations of the product's active routing become the jobs of this order."),
        )

    @action(description=RELEASE.label, url_path="release", icon="edit_note", variant=ActionVariant.PRIMARY)
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._sign(request, object_id, RELEASE)

    @action(description=HOLD.label, url_path="hold", icon="pause_circle")
    def hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(
            request,
            object_id,
            HOLD,
            form_class=ReasonForm,
            act=lambda order, entered: services.hold_work_order(work_order_id=order.pk, reason=entered["reason"]),
            explanation=_("No job starts and no piece is counted until the order is resumed."),
        )

    @action(description=RESUME.label, url_path="resume", icon="play_circle")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(
            request,
            object_id,
            RESUME,
            form_class=NoteForm,
            act=lambda order, entered: services.resume_work_order(work_order_id=order.pk, reason=entered["reason"]),
            explanation=_("The order goes back to the status it had before the hold."),
        )

    @action(description=COMPLETE.label, url_path="complete", icon="check_circle")
    def complete(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(
            request,
            object_id,
            COMPLETE,
            form_class=forms.Form,
            act=lambda order, _entered: services.complete_work_order(work_order_id=order.pk),
            explanation=_("The completion of its last job does this by itself."),
        )

    @action(description=_("Cancel the order"), url_path="cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._step(
            request,
            object_id,
            CANCEL,
            form_class=ReasonForm,
            act=lambda order, entered: services.cancel_work_order(work_order_id=order.pk, reason=entered["reason"]),
            explanation=_("A cancelled order stays cancelled; jobs not started yet are cancelled with it."),
        )

    def _step(
        self, request: HttpRequest, object_id: str, edge: Edge, *, form_class: Any, act: Any, explanation: Any
    ) -> HttpResponse:
        """A step by the click or with a reason; signed where a policy asks for it."""
        if edge.signed is Signed.BY_POLICY and policy_of(edge.name):
            return self._sign(request, object_id, edge)
        with permission_remembered(WorkOrder, object_id, edge, tries=request.method == "POST"):
            order = self.record(request, object_id, permission=edge.permission)
        return step_page(
            request,
            self,
            form=form_class(posted(request)),
            act=lambda entered: act(order, entered),
            title=f"{edge.label}: {order.work_order_number}",
            button=edge.label,
            done=_("%(order)s: “%(step)s” is done.") % {"order": order.work_order_number, "step": edge.label},
            back=self.page_of(order),
            why_not=next(WORK_ORDER.refusals(order, edge, request.user), ""),
            explanation=explanation,
        )

    def _sign(self, request: HttpRequest, object_id: str, edge: Edge) -> HttpResponse:
        request.sensitive_post_parameters = "__ALL__"  # the names of the secrets are others each time
        may_give = may_give_part(request.user, edge, policy_of(edge.name))
        needed = "production.view_workorder" if may_give else edge.permission
        with permission_remembered(WorkOrder, object_id, edge, tries=request.method == "POST"):
            order = self.record(request, object_id, permission=needed)
        rounds = WORK_ORDER.rounds(order)
        asked = rounds.get(edge.name)
        if asked is None:  # the status does not allow it, or no policy is in force: the page says which
            form: Any = forms.Form()
            if request.method == "POST":
                WORK_ORDER.tried(order, edge)
        else:
            form = SignForm(
                posted(request),
                request=request,
                meanings=asked.next.meanings,
                needs_comment=_("Reason") if edge.needs_reason else "",
                initial={"digest": asked.digest, "step": asked.next.step},
            )
        takes = asked is None or asked.is_last
        name = {"order": order.work_order_number, "step": edge.label}
        return step_page(
            request,
            self,
            form=form,
            act=lambda _entered: _sign_step(form, order, edge, asked),
            title=_("Sign and release %(order)s") % name if edge is RELEASE else _("Sign: %(step)s, %(order)s") % name,
            button=step_label(edge) if takes else _("Sign"),
            done=_("%(order)s is signed; “%(step)s” is done.") % name if takes else _("%(order)s is signed.") % name,
            back=self.page_of(order),
            template="admin/production/sign.html",
            why_not=next(WORK_ORDER.refusals(order, edge, request.user, rounds), ""),
            content=signed_rows(order),
            digest=digest(order.signed_content()),
            parts=parts_of(asked),
        )


def _sign_step(form: Any, order: WorkOrder, edge: Edge, asked: Any) -> None:
    still_as_read(form, asked)
    signing = form.signing(form.confirm())
    sign_work_order_step(work_order_id=order.pk, step=edge.name, signing=signing)


def _json(value: Any) -> str:
    return "—" if value is None else json.dumps(value, ensure_ascii=False)


def _by_key(values: dict[str, Any]) -> dict[str, Any]:
    """Services take the keys of linked records."""
    return {
        (f"{name}_id" if name in LINKS else name): (value and value.pk if name in LINKS else value)
        for name, value in values.items()
    }


def _steps(order: WorkOrder) -> list[dict[str, Any]]:
    label = dict(WorkOrderStatus.choices)
    return [
        {
            "at": moment(change.occurred_at),
            "from": label.get(change.from_state, "—"),
            "to": label[change.to_state],
            "by": change.actor_name,
            "reason": change.reason,
        }
        for change in history_of(order)
    ]


def _jobs(order: WorkOrder) -> list[dict[str, Any]]:
    return [
        {
            "pk": job.pk,
            "name": f"{job.sequence} {job.operation_name}",
            "line": job.production_line or "—",
            "status": job.get_status_display(),
            "good": number(job.good),
            "scrap": number(job.scrap),
        }
        for job in order.job_orders.select_related("production_line").order_by("sequence")
    ]


def signed_rows(order: WorkOrder) -> list[tuple[Any, Any]]:
    """The signed content in the reader's words, in the order a person checks it."""
    field = {f.name: f.verbose_name for f in order._meta.concrete_fields}
    rows = [
        (field["work_order_number"], order.work_order_number),
        (field["product"], f"{order.product} · {order.product.product_version}"),
        (field["batch"], order.batch or "—"),
        (field["production_line"], order.production_line or "—"),
        (field["planned_quantity"], f"{number(order.planned_quantity)} {order.uom}"),
        (field["priority"], order.priority),
        *((field[name], moment(getattr(order, name)).full) for name in ("scheduled_start", "scheduled_end")),
        (field["manufacturing_parameters"], _json(order.manufacturing_parameters)),
        (field["quality_requirements"], _json(order.quality_requirements)),
        (field["special_instructions"], order.special_instructions or "—"),
    ]
    for job in order.job_orders.order_by("sequence"):
        times = _("%(run)s s a piece, setup %(setup)s s") % {
            "run": number(job.run_time_seconds),
            "setup": number(job.setup_time_seconds),
        }
        rows.append((f"{job.sequence} {job.operation_name}", times))
    return rows
