"""One order: what happened, and what may happen next?"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from audit import access
from audit.canonical import plain
from audit.errors import NotFound
from audit.models import Signature
from audit.policies import role_words
from audit.seal_wait import sealed_signatures
from audit.signatures import SignatureView, signatures_of
from audit.transitions import Signed
from mfg_project.common.altered import altered
from mfg_project.common.formats import Moment, duration, moment, number
from mfg_project.common.pages import allowed, render_page
from production.enums import FINAL_STATUSES, JobOrderStatus
from production.models import JobOrder, WorkOrder
from production.queries.order_history import (
    edits_of,
    order_for_page,
    parts_of,
    reports_of,
    run_counts,
    runs_of,
    steps_of,
)
from production.queries.signing import Step, possible_steps, step_label
from production.transitions import CANCEL, COMPLETE, PLAN, RELEASE, RESUME, START, WORK_ORDER
from production.views.order_rows import lateness, priority_label
from production.views.signed_content import ContentChange, content_changes, readable
from production.views.timeline import timeline

REPORTS_SHOWN = 200
STORY_SHOWN = 20  # the rest of the story is one click away

STEP_ICONS = {
    "plan": "calendar",
    "release": "pen-line",
    "hold": "circle-pause",
    "resume": "play",
    "complete": "check",
    "cancel": "x",
}
JOB_LOOKS = {
    JobOrderStatus.WAITING: "created",
    JobOrderStatus.RUNNING: "in_progress",
    JobOrderStatus.HELD: "on_hold",
    JobOrderStatus.COMPLETED: "completed",
    JobOrderStatus.CANCELLED: "cancelled",
}


# What an import noticed about a run and kept as a fact; a word that is not here is shown as it was stored.
FLAGS = {
    "counter_jump": gettext_lazy("part counter jumped"),
    "interrupted": gettext_lazy("interrupted"),
    "no_machine_status": gettext_lazy("no machine status"),
    "not_counted": gettext_lazy("not counted"),
    "overlap": gettext_lazy("overlaps another run"),
    "program_began_before_run": gettext_lazy("program began before the run"),
    "program_of_other_operation": gettext_lazy("program of another operation"),
    "run_again": gettext_lazy("run again"),
    "truncated_rows": gettext_lazy("cut off rows in the file"),
}


@dataclass(frozen=True, slots=True)
class StepButton:
    name: str
    label: str
    icon: str
    url: str
    refused: str  # why it is grey
    in_dialog: bool
    css: str


@dataclass(frozen=True, slots=True)
class JobRow:
    sequence: int
    name: str
    line: str
    look: str
    status: str
    good: float
    plan: float
    counts: str
    spoken: str
    scrap: str
    rework: str
    started: Moment | None
    ended: Moment | None
    took: str


@dataclass(frozen=True, slots=True)
class SignatureCard:
    step: str
    meaning: str
    name: str
    title: str
    at: str
    digest: str
    comment: str
    counts: bool  # False: a part of a step that was never taken by it, and has to be given again
    matches: bool
    changes: list[ContentChange]
    is_sealed: bool


@require_safe
@allowed("production.view_workorder")
def work_order_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    return detail_response(request, pk)


@require_safe
@allowed("production.view_operationrun")
def work_order_runs(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The runs behind the counts, for the page of the order; loaded when somebody opens them."""
    rows = [
        {
            "started": moment(run.started_at),
            "operation": f"{run.job_order.sequence} {run.job_order.operation_name}",
            "machine": run.equipment.code,
            "piece": run.piece,
            "took": duration((run.ended_at - run.started_at).total_seconds()),
            "active": duration(None if run.active_seconds is None else float(run.active_seconds)),
            "odd": [str(FLAGS.get(flag, flag)) for flag in run.flags],
        }
        for run in runs_of(pk)
    ]
    return render(request, "production/_order_runs.html", {"rows": rows})


def detail_response(request: HttpRequest, pk: UUID, *, refusal: Any = None, status: int = 200) -> HttpResponse:
    """The page, or its changing part for htmx; `refusal` says why the last step was not taken."""
    order = order_for_page(pk)
    if order is None:
        raise NotFound(_("The work order was not found."))
    context = detail_context(request, order) | {"refusal": refusal}
    return render_page(
        request,
        "production/work_order_detail.html",
        "production/_order_detail.html",
        context,
        targets=["order"],
        status=status,
    )


def detail_context(request: HttpRequest, order: WorkOrder) -> dict[str, Any]:
    now = timezone.now()
    sees_edits = request.user.has_perm("production.view_historicalworkorder")
    steps, reports = steps_of(order), reports_of(order, at_most=REPORTS_SHOWN)
    jobs = [job_row(job, order) for job in order.job_orders.all()]
    runs, odd_runs = run_counts(order)
    possible = possible_steps(order, request.user)
    story = timeline(order, steps, reports, edits_of(order) if sees_edits else [])
    return {
        "order": order,
        "url": reverse("production:work-order-detail", args=[order.pk]),
        "status_label": order.get_status_display(),
        "late": lateness(order, now=now),
        "hold_reason": next((s.reason for s in steps if s.to_state == "on_hold"), "")
        if order.status == "on_hold"
        else "",
        "figures": _figures(order),
        "good": float(order.actual_quantity or 0),
        "plan": float(order.planned_quantity),
        "jobs": jobs,
        "buttons": step_buttons(order, possible),
        "starts_on_terminal": START in [step.edge for step in possible],
        "may_edit": request.user.has_perm("production.change_workorder")
        and order.status not in FINAL_STATUSES
        and not access.refusal(order),
        "may_check": request.user.has_perm("quality.record_check"),
        "signatures": _signature_cards(order, possible),
        "waits": [waits for step in possible if (waits := _waits(step))],
        "altered": altered(WorkOrder, order.pk, related=parts_of(order, steps)),
        "runs": runs,
        "odd_runs": odd_runs,
        "timeline": story[:STORY_SHOWN],
        "older": story[STORY_SHOWN:],
        "reports_cut": len(reports) == REPORTS_SHOWN,
        "facts": _facts(order),
        "parameters": list(readable(order.manufacturing_parameters)) if order.manufacturing_parameters else [],
        "requirements": list(readable(order.quality_requirements)) if order.quality_requirements else [],
    }


def step_buttons(order: WorkOrder, possible: list[Step]) -> list[StepButton]:
    """Every step the status allows; what this user cannot take now is grey and says why."""
    buttons = []
    has_primary = False
    for step in possible:
        edge, refused = step.edge, step.refused
        if edge == START:
            continue  # an order starts with its first job, on the terminal
        css = "button-danger" if edge == CANCEL else ""
        if not refused and not has_primary and edge in (PLAN, RELEASE, COMPLETE, RESUME):
            css, has_primary = "button-primary", True
        buttons.append(_button(step, order, css))
    return buttons


def _button(step: Step, order: WorkOrder, css: str) -> StepButton:
    edge = step.edge
    is_signed = bool(step.round) or edge.signed is Signed.ALWAYS
    return StepButton(
        name=edge.name,
        label=_signed_label(step) if is_signed else str(edge.label),
        icon="pen-line" if is_signed else STEP_ICONS[edge.name],
        url=reverse(f"production:work-order-{edge.name}", args=[order.pk]),
        refused=step.refused,
        in_dialog=is_signed or edge.needs_reason,
        css=css,
    )


def _signed_label(step: Step) -> str:
    if step.round is None or step.round.is_last:
        return step_label(step.edge)
    words = {"step": step.edge.label, "n": step.round.next.step, "of": len(step.round.policy.steps)}
    return _("Sign: %(step)s (%(n)s of %(of)s)") % words


def job_row(job: JobOrder, order: WorkOrder) -> JobRow:
    counts = f"{number(job.good)} / {number(order.planned_quantity)}"
    until = job.actual_end or (timezone.now() if job.status == JobOrderStatus.RUNNING else None)
    return JobRow(
        sequence=job.sequence,
        name=job.operation_name,
        line=job.production_line.line_name if job.production_line else "",
        look=JOB_LOOKS[JobOrderStatus(job.status)],
        status=job.get_status_display(),
        good=float(job.good),
        plan=float(order.planned_quantity),
        counts=counts,
        spoken=_("%(good)s good of %(plan)s planned")
        % {"good": number(job.good), "plan": number(order.planned_quantity)},
        scrap=number(job.scrap),
        rework=number(job.rework),
        started=moment(job.actual_start),
        ended=moment(job.actual_end),
        took=duration((until - job.actual_start).total_seconds()) if job.actual_start and until else "",
    )


def _figures(order: WorkOrder) -> list[tuple[str, str, str]]:
    """Label, value, tone."""
    jobs = order.job_orders.all()
    scrap = sum((job.scrap for job in jobs), Decimal(0))
    rework = sum((job.rework for job in jobs), Decimal(0))
    return [
        (_("Plan"), number(order.planned_quantity), ""),
        (_("Good"), number(order.actual_quantity or 0), ""),
        (_("Scrap"), number(scrap), "danger-text" if scrap else ""),
        (_("Rework"), number(rework), "attention-text" if rework else ""),
    ]


def _facts(order: WorkOrder) -> list[tuple[str, Any]]:
    batch, line = order.batch, order.production_line
    rows: list[tuple[str, Any]] = [
        (_("Product"), f"{order.product.product_code} · {order.product.product_name}"),
        (_("Product version"), order.product.product_version),
        (_("Batch"), batch.batch_number if batch else None),
        (_("Line"), f"{line.line_code} · {line.line_name}" if line else None),
        (_("Priority"), priority_label(order.priority)),
        (_("Scheduled start"), moment(order.scheduled_start)),
        (_("Scheduled end"), moment(order.scheduled_end)),
        (_("Actual start"), moment(order.actual_start)),
        (_("Actual end"), moment(order.actual_end)),
        (_("Created by"), str(order.created_by)),
        (_("Record version"), str(order.version)),
    ]
    return [(label, value) for label, value in rows if value]


@dataclass(frozen=True, slots=True)
class Waits:
    """A step of which a part of the signatures is given."""

    step: str
    given: int
    of: int
    roles: str


def _waits(step: Step) -> Waits | None:
    asked = step.round
    if asked is None or not asked.given:
        return None
    return Waits(str(step.edge.label), len(asked.given), len(asked.policy.steps), role_words(asked.next.roles))


def _signature_cards(order: WorkOrder, possible: list[Step]) -> list[SignatureCard]:
    views = signatures_of(order)
    sealed = sealed_signatures([view.signature for view in views])
    counting = {one.pk for step in possible if step.round for one in step.round.given}
    return [_signature_card(order, view, sealed, counting | taken(views)) for view in views]


def taken(views: list[SignatureView]) -> set[Any]:
    """Parts whose step was taken: a last signature of the same content and policy followed them."""
    last = {_round_of(view.signature) for view in views if view.signature.new_state}
    return {view.signature.pk for view in views if _round_of(view.signature) in last}


def _round_of(signature: Signature) -> tuple[Any, ...]:
    return signature.transition, signature.digest, signature.policy_id, signature.policy_version


def _signature_card(order: WorkOrder, view: SignatureView, sealed: set[str], counting: set[Any]) -> SignatureCard:
    signature = view.signature
    is_part = bool(signature.transition) and not signature.new_state
    edge = WORK_ORDER.by_name.get(signature.transition)
    return SignatureCard(
        step=str(edge.label) if edge else "",
        meaning=view.meaning_label,
        name=signature.signer_name,
        title=signature.signer_title,
        at=view.when,
        digest=signature.digest,
        comment=signature.comment,
        counts=not is_part or signature.pk in counting,
        matches=view.content_matches,
        changes=[] if view.content_matches else content_changes(signature.content, plain(order.signed_content())),
        is_sealed=str(signature.pk) in sealed,
    )
