"""What the terminal shows: one job, one big action, the count. Actions are in terminal.py."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django_htmx.http import retarget, trigger_client_event

from audit.context import uuid7
from audit.errors import DomainError, InvalidInput, NotFound
from equipment.enums import LineState, ReasonKind
from equipment.models import LineStateInterval, ProductionLine
from equipment.scope import visible
from mfg_project.common.formats import duration, moment, number
from mfg_project.common.pages import is_fragment
from production.enums import JobOrderStatus
from production.models import JobOrder
from production.queries.board import reasons_by_use
from production.queries.terminal import ENDED, jobs_after, last_report, line_queue, open_interval, open_jobs
from production.transitions import JOB_COMPLETE, JOB_HOLD, JOB_ORDER, JOB_START
from production.views.inputs import plain_text
from production.views.tiles import job_facts

EXECUTE = "production.execute_joborder"
REPORT = "production.report_quantity"
SET_STATES = "equipment.set_line_state"
COUNTS = ("good", "scrap", "rework")
QUEUE_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused, where it is shown, and the numbers the operator had entered."""

    text: str
    fields: dict[str, str] = field(default_factory=dict)
    counts: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    token: str = ""
    at_report: bool = False


def refusal_of(refused: DomainError, *, data: Any = None) -> Refusal:
    fields = {k: str(v) for k, v in refused.fields.items()} if isinstance(refused, InvalidInput) else {}
    if data is None:
        return Refusal(str(refused), fields)
    if "client_token" in fields:  # the count stands already: a fresh token and no numbers, or they would count twice
        return Refusal(str(refused), at_report=True)
    counts = {name: data.get(name, "") for name in COUNTS}
    # The token stays, so that sending again counts once
    return Refusal(str(refused), fields, counts, data.get("reason", ""), data.get("client_token", ""), at_report=True)


def find_line(code: str) -> ProductionLine:
    code = plain_text(code, at_most=60)
    line = visible(ProductionLine.objects.filter(line_code__iexact=code, is_active=True)).first()
    if line is None:
        raise NotFound(_("There is no line “%(code)s”.") % {"code": code})
    return line


def terminal_response(
    request: HttpRequest,
    line: ProductionLine,
    *,
    job_id: UUID | None = None,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    """The terminal after an act or a look: its inside for htmx, else the page (after an act: a redirect)."""
    if request.method == "POST" and not refusal and not is_fragment(request):
        return redirect(terminal_url(line, job_id))
    context = terminal_context(request, line, job_id=job_id, refusal=refusal)
    if not is_fragment(request):
        return render(request, "production/terminal.html", context, status=status)
    response = render(request, "production/_terminal.html", context, status=status)
    return _morphed(response)


def _morphed(response: HttpResponse) -> HttpResponse:
    response = retarget(response, "#terminal")
    response["HX-Reswap"] = "morph:innerHTML"  # of an htmx extension, so django-htmx does not know it
    return response


def live_response(request: HttpRequest, line: ProductionLine, *, job_id: UUID | None, shown: str) -> HttpResponse:
    """What others changed. The count being typed stays, unless the job itself is no longer what is shown."""
    context = terminal_context(request, line, job_id=job_id)
    if shown != context["shown"]:
        response = render(request, "production/_terminal.html", context)
        return _morphed(response)
    return render(request, "production/_terminal_live.html", context | {"oob": True})


def terminal_url(line: ProductionLine, job_id: UUID | None = None) -> str:
    url = reverse("production:terminal-line", args=[line.line_code])
    return f"{url}?{urlencode({'job': job_id})}" if job_id else url


def terminal_context(
    request: HttpRequest, line: ProductionLine, *, job_id: UUID | None = None, refusal: Refusal | None = None
) -> dict[str, Any]:
    now = timezone.now()
    queue = line_queue(line.pk, limit=QUEUE_SHOWN + 1)
    job = _shown_job(line, queue, job_id)
    chosen = job.pk if job and job_id == job.pk else None
    context = {
        "line": line,
        "state": _state_words(open_interval(line), now=now),
        "job": job_facts(job, now=now) if job else None,
        "queue": [job_facts(other, now=now) for other in queue if not job or other.pk != job.pk][:QUEUE_SHOWN],
        "chosen": chosen,
        "shown": f"{job.pk}:{job.status}" if job else "",
        "live_url": _live_url(line, job, chosen),
        "refusal": refusal,
        "may_set_state": request.user.has_perm(SET_STATES),
    }
    return context | (_job_context(request, job, refusal) if job else {})


def _shown_job(line: ProductionLine, queue: list[JobOrder], job_id: UUID | None) -> JobOrder | None:
    """The job that was chosen while it is still open on this line, else the most pressing one."""
    if job_id:
        for job in queue:
            if job.pk == job_id:
                return job
        chosen = open_jobs().filter(pk=job_id, production_line=line).exclude(status__in=ENDED).first()
        if chosen:
            return chosen
    return queue[0] if queue else None


def _live_url(line: ProductionLine, job: JobOrder | None, chosen: UUID | None) -> str:
    shown = f"{job.pk}:{job.status}" if job else ""
    query = {"shown": shown} | ({"job": str(chosen)} if chosen else {})
    return f"{reverse('production:terminal-live', args=[line.pk])}?{urlencode(query)}"


def _state_words(interval: LineStateInterval | None, *, now: Any) -> dict[str, Any]:
    state = interval.state if interval else LineState.NO_DATA.value
    return {
        "state": state,
        "label": LineState(state).label,
        "since": moment(interval.started_at, now=now) if interval else None,
        "lasted": duration((now - interval.started_at).total_seconds()) if interval else "",
        "reason": interval.reason.label if interval and interval.reason else "",
        "unexplained_pk": interval.pk if interval and interval.needs_explanation else None,
        "is_stopped": state == LineState.STOPPED,
        "is_running": state == LineState.RUNNING,
    }


def _job_context(request: HttpRequest, job: JobOrder, refusal: Refusal | None) -> dict[str, Any]:
    order = job.work_order
    is_running = job.status == JobOrderStatus.RUNNING
    report = last_report(job)
    return {
        "is_running": is_running,
        "counts": _count_fields(refusal) if is_running else [],
        "reasons": reasons_by_use(ReasonKind.SCRAP) if is_running else [],
        "reason_chosen": refusal.reason if refusal else "",
        "client_token": (refusal.token if refusal else "") or str(uuid7()),
        "allows_fractions": order.uom != "pcs",
        "start_refused": next(JOB_ORDER.refusals(job, JOB_START, request.user), ""),
        "hold_refused": next(JOB_ORDER.refusals(job, JOB_HOLD, request.user), ""),
        "complete_refused": next(JOB_ORDER.refusals(job, JOB_COMPLETE, request.user), ""),
        "may_report": request.user.has_perm(REPORT),
        "instructions": order.special_instructions or "",
        "parameters": _parameters(order.manufacturing_parameters),
        "after": [_next_words(later, job) for later in jobs_after(job)[:3]],
        "last": {
            "pk": report.pk,
            "text": counted_words(report),
            "at": moment(report.reported_at),
            "by": report.reported_by.printed_name,
        }
        if report and request.user.has_perm(REPORT)
        else None,
        "measure_url": measure_url(job),
        "due_checks_url": _quality_url("quality:due-checks", job),
    }


def _count_fields(refusal: Refusal | None) -> list[dict[str, Any]]:
    labels = {"good": _("Good"), "scrap": _("Scrap"), "rework": _("Rework")}
    return [
        {
            "name": name,
            "label": label,
            "value": refusal.counts.get(name, "") if refusal else "",
            "error": refusal.fields.get(name, "") if refusal and refusal.at_report else "",
            "rejects": name != "good",
        }
        for name, label in labels.items()
    ]


def _parameters(values: Any) -> list[tuple[str, str]]:
    """Manufacturing parameters are free JSON; only plain pairs are worth a line on the terminal."""
    if not isinstance(values, dict):
        return []
    return [(str(name), str(value)) for name, value in values.items() if not isinstance(value, dict | list)]


def _next_words(later: JobOrder, job: JobOrder) -> str:
    words = f"{later.sequence} {later.operation_name}"
    if later.production_line and later.production_line_id != job.production_line_id:
        return f"{words} ({later.production_line.line_name})"
    return words


def counted_words(report: Any) -> str:
    """“5 good, 1 scrap”."""
    parts = [(report.good, _("%(n)s good")), (report.scrap, _("%(n)s scrap")), (report.rework, _("%(n)s rework"))]
    return ", ".join(words % {"n": number(count)} for count, words in parts if count)


def measure_url(job: JobOrder) -> str:
    return _quality_url("quality:check-create", job)


def _quality_url(name: str, job: JobOrder) -> str:
    """Pages of the floor above are known by address only; without them the terminal shows none."""
    try:
        return f"{reverse(name)}?{urlencode({'order': job.work_order_id, 'job': job.pk})}"
    except NoReverseMatch:
        return ""


def with_undo(response: HttpResponse, *, text: str, report_pk: Any) -> HttpResponse:
    """For ten seconds the count can be taken back with one tap."""
    detail = {"text": text, "label": _("Undo"), "url": reverse("production:terminal-undo", args=[report_pk])}
    return trigger_client_event(response, "genba:undo", detail)
