"""The operator terminal: choose the line, then start, count, hold and complete its job."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, replace_url, reswap, retarget, trigger_client_event

from audit.attempts import permission_remembered
from audit.context import current_act, require
from audit.errors import (
    Conflict,
    DomainError,
    InvalidInput,
    MissingPermission,
    NotFound,
    StaleVersion,
    TransitionRefused,
)
from audit.stations import keep_station
from audit.transitions import Edge
from equipment.enums import LineState, ReasonKind
from equipment.models import ProductionLine, ReasonCode
from equipment.scope import refusal, visible
from equipment.services.line_states import set_line_state
from mfg_project.common.formats import number
from mfg_project.common.pages import allowed, done_in_dialog, is_fragment, toast
from production.enums import JobOrderStatus
from production.models import JobOrder, QuantityReport
from production.queries.board import board_lines, reasons_by_use
from production.queries.terminal import ENDED, find_job, last_report, line_queue
from production.services.job_orders import complete_job, hold_job, report_quantity, start_job, undo_report
from production.transitions import JOB_COMPLETE, JOB_HOLD, JOB_START
from production.views.inputs import plain_text, uuid_or_none
from production.views.stops import report_stop
from production.views.terminal_codes import COUNTS, Command, read_code
from production.views.terminal_page import (
    Refusal,
    counted_words,
    find_line,
    live_response,
    refusal_of,
    terminal_response,
    terminal_url,
    with_undo,
)
from production.views.tiles import tile_of

SEE_JOBS = "production.view_joborder"
LINE_COOKIE = "terminal_line"
COOKIE_AGE = 365 * 24 * 3600
BY_HAND = {"RUN": LineState.RUNNING, "SETUP": LineState.SETUP}
REFUSED_NOW = (TransitionRefused, StaleVersion, Conflict)


def status_of(refused: DomainError) -> int:
    return 409 if isinstance(refused, REFUSED_NOW) else 422


@require_safe
@allowed(SEE_JOBS)
def terminal(request: HttpRequest) -> HttpResponse:
    """Which line? A tablet is asked once; `?choose=1` asks again."""
    if code := request.GET.get("line"):
        return redirect(terminal_url(find_line(code)))
    remembered = request.COOKIES.get(LINE_COOKIE)
    if remembered and "choose" not in request.GET:
        known = ProductionLine.objects.filter(line_code=plain_text(remembered, at_most=60), is_active=True)
        if line := visible(known).first():
            return redirect(terminal_url(line))
    tiles = sorted((tile_of(at) for at in board_lines(now=timezone.now())), key=lambda tile: tile.name)
    return render(request, "production/terminal_lines.html", {"tiles": tiles, "station": current_act().station})


@require_safe
@allowed(SEE_JOBS)
def terminal_line(request: HttpRequest, code: str) -> HttpResponse:
    line = find_line(code)
    response = terminal_response(request, line, job_id=uuid_or_none(request.GET.get("job")))
    patch_vary_headers(response, ["HX-Request"])
    response.set_cookie(
        LINE_COOKIE, line.line_code, max_age=COOKIE_AGE, httponly=True, samesite="Lax", secure=request.is_secure()
    )
    if station := current_act().station:  # a device in use never loses its name
        keep_station(response, station, secure=request.is_secure())
    return response


@require_safe
@allowed(SEE_JOBS)
def terminal_live(request: HttpRequest, pk: UUID) -> HttpResponse:
    line = visible(ProductionLine.objects.filter(pk=pk)).first()
    if line is None:
        raise NotFound(_("This production line does not exist."))
    job_id = uuid_or_none(request.GET.get("job"))
    return live_response(request, line, job_id=job_id, shown=request.GET.get("shown", ""))


def _taking(edge: Edge) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Opens a step of a job to who may take it; that somebody else tried is kept."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @allowed()
        @wraps(view)
        def tried(request: HttpRequest, pk: UUID) -> HttpResponse:
            with permission_remembered(JobOrder, pk, edge, tries=request.method == "POST"):
                require(edge.permission)
                return view(request, pk)

        return tried

    return decorate


@require_POST
@_taking(JOB_START)
def start(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _act(request, _job(pk), lambda job: start_job(job_order_id=job.pk))


@require_http_methods(["GET", "HEAD", "POST"])
@_taking(JOB_HOLD)
def hold(request: HttpRequest, pk: UUID) -> HttpResponse:
    """First tap: the reasons. Second tap: one of them."""
    job = _job(pk)
    if request.method != "POST":
        return _hold_dialog(request, job)
    reason_id = uuid_or_none(request.POST.get("reason"))
    if reason_id is None:
        return _hold_dialog(request, job, refused=_("Choose a reason."), status=422)
    try:
        hold_job(job_order_id=pk, reason_id=reason_id)
    except MissingPermission:
        raise
    except DomainError as refused:
        return _hold_dialog(request, job, refused=str(refused), status=status_of(refused))
    return done_in_dialog(_("%(number)s is on hold.") % {"number": job.work_order.work_order_number})


@require_POST
@_taking(JOB_COMPLETE)
def complete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Asks once more only when pieces are missing."""
    job = _job(pk)
    missing = job.work_order.planned_quantity - job.good
    if missing > 0 and job.status == JobOrderStatus.RUNNING and not request.POST.get("confirmed"):
        return _confirm_complete(request, job, missing)
    response = _act(request, job, lambda job: complete_job(job_order_id=job.pk), said=_("Job complete."))
    return _closing_dialog(response)


@require_POST
@allowed("production.report_quantity")
def report(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Good, scrap, rework and the reason in one submit. The token makes a second one harmless."""
    line = _line_of(_job(pk))
    try:
        saved = report_quantity(
            job_order_id=pk,
            good=_count(request.POST, "good"),
            scrap=_count(request.POST, "scrap"),
            rework=_count(request.POST, "rework"),
            reason_id=uuid_or_none(request.POST.get("reason")),
            client_token=uuid_or_none(request.POST.get("client_token")),
        )
    except MissingPermission:
        raise
    except DomainError as refused:
        refusal = refusal_of(refused, data=request.POST)
        return terminal_response(request, line, job_id=pk, refusal=refusal, status=status_of(refused))
    return _counted(request, line, saved)


@require_POST
@allowed("production.report_quantity")
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page fetches what changed by itself; a count that is being typed stays."""
    wrong = visible(QuantityReport.objects.filter(pk=pk)).select_related("job_order", "production_line").first()
    if wrong is None:
        raise NotFound(_("This report does not exist."))
    job = wrong.job_order
    try:
        undo_report(report_id=pk)
    except (InvalidInput, TransitionRefused) as refused:
        refusal = Refusal(str(refused))
        return terminal_response(
            request, wrong.production_line, job_id=job.pk, refusal=refusal, status=status_of(refused)
        )
    if not is_fragment(request):
        return redirect(terminal_url(wrong.production_line, job.pk))
    response = toast(HttpResponse(status=204), _("Taken back: %(counts)s.") % {"counts": counted_words(wrong)})
    return trigger_client_event(response, "genba:refresh", {})


@require_POST
@allowed(SEE_JOBS)
def scan(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One code from the scanner or typed: a job to show, or a command for the job shown."""
    line = visible(ProductionLine.objects.filter(pk=pk, is_active=True)).first()
    if line is None:
        raise NotFound(_("This production line does not exist."))
    shown = uuid_or_none(request.POST.get("job"))
    try:
        command = read_code(request.POST.get("code", ""))
        if not command.name:
            return _show_scanned(request, line, command.text)
        if command.name == "LINE":
            return _go(request, terminal_url(find_line(command.text)))
        return _obey(request, line, shown, command)
    except MissingPermission:
        raise
    except DomainError as refused:
        return terminal_response(request, line, job_id=shown, refusal=Refusal(str(refused)), status=status_of(refused))


def _obey(request: HttpRequest, line: ProductionLine, shown: UUID | None, command: Command) -> HttpResponse:
    if command.name == "STOP":
        report_stop(line_id=line.pk, reason_id=_reason(command.reason, ReasonKind.STOP).pk)
        return toast(terminal_response(request, line, job_id=shown), _("Line stopped."))
    if command.name in BY_HAND:
        state = BY_HAND[command.name]
        set_line_state(line_id=line.pk, state=state)
        said = _("%(line)s: %(state)s.") % {"line": line.line_name, "state": state.label}
        return toast(terminal_response(request, line, job_id=shown), said)
    job = _job(shown) if shown else next(iter(line_queue(line.pk, limit=1)), None)
    if job is None:
        raise InvalidInput(_("There is no job to do this with. Scan the code of a job first."))
    if command.name in COUNTS:
        saved = report_quantity(
            job_order_id=job.pk,
            good=command.amount if command.name == "GOOD" else Decimal(0),
            scrap=command.amount if command.name == "SCRAP" else Decimal(0),
            rework=command.amount if command.name == "REWORK" else Decimal(0),
            reason_id=_reason(command.reason, ReasonKind.SCRAP).pk if command.reason else None,
            client_token=uuid_or_none(request.POST.get("client_token")),
        )
        return _counted(request, _line_of(job), saved)
    if command.name == "HOLD":
        reason = _reason(command.reason, ReasonKind.HOLD).pk
        return _act(request, job, lambda job: hold_job(job_order_id=job.pk, reason_id=reason), said=_("Job on hold."))
    if command.name == "UNDO":
        wrong = last_report(job, by_id=request.user.pk)
        if wrong is None:
            raise InvalidInput(_("There is no count of yours to take back."))
        return undo(request, wrong.pk)
    return start(request, job.pk) if command.name == "START" else complete(request, job.pk)


def _act(request: HttpRequest, job: JobOrder, step: Any, *, said: str = "") -> HttpResponse:
    """Take one step with the job and show the terminal again: what is next, or why it was refused."""
    line = job.production_line
    if line is None:
        raise NotFound(_("The job has no production line yet."))
    try:
        step(job)
    except (MissingPermission, NotFound):
        raise
    except DomainError as refused:
        return terminal_response(request, line, job_id=job.pk, refusal=Refusal(str(refused)), status=status_of(refused))
    response = terminal_response(request, line, job_id=job.pk)
    return toast(response, said) if said else response


def _counted(request: HttpRequest, line: ProductionLine, saved: QuantityReport) -> HttpResponse:
    response = terminal_response(request, line, job_id=saved.job_order_id)
    return with_undo(response, text=_("Counted: %(counts)s.") % {"counts": counted_words(saved)}, report_pk=saved.pk)


def _show_scanned(request: HttpRequest, line: ProductionLine, code: str) -> HttpResponse:
    job = find_job(code)
    if job is None:
        raise InvalidInput(_("There is no open job “%(code)s”.") % {"code": code[:60]})
    if refusal(job):  # the work exists, which the paper in the hand says already; where it belongs is not told
        raise InvalidInput(_("%(code)s belongs to another line.") % {"code": code[:60]})
    if job.status in ENDED:
        raise TransitionRefused(
            _("%(code)s is “%(status)s”.") % {"code": code[:60], "status": job.get_status_display()}
        )
    if job.production_line_id != line.pk:
        where = job.production_line.line_name if job.production_line else _("no line yet")
        raise InvalidInput(_("%(code)s belongs to %(line)s.") % {"code": code[:60], "line": where})
    response = terminal_response(request, line, job_id=job.pk)
    return replace_url(response, terminal_url(line, job.pk)) if is_fragment(request) else response


def _job(pk: UUID) -> JobOrder:
    job = visible(JobOrder.objects.filter(pk=pk)).select_related("work_order", "production_line").first()
    if job is None:
        raise NotFound(_("The job order was not found."))
    return job


def _line_of(job: JobOrder) -> ProductionLine:
    if job.production_line is None:
        raise NotFound(_("The job order was not found."))
    return job.production_line


def _reason(code: str, kind: str) -> ReasonCode:
    reason = ReasonCode.objects.filter(code__iexact=code, kind=kind, is_active=True).first()
    if reason is None:
        raise InvalidInput(_("There is no reason “%(code)s”.") % {"code": code})
    return reason


def _count(data: QueryDict, name: str) -> Decimal:
    text = data.get(name, "").strip().replace(",", ".")
    try:
        count = Decimal(text or "0")
    except InvalidOperation:
        raise InvalidInput(_("Enter whole numbers."), fields={name: _("Not a number.")}) from None
    if count.is_finite() and abs(count) >= Decimal(10) ** 8:
        raise InvalidInput(_("The number is too large."), fields={name: _("Too large.")})
    return count


def _hold_dialog(request: HttpRequest, job: JobOrder, *, refused: str = "", status: int = 200) -> HttpResponse:
    context = {
        "url": reverse("production:terminal-hold", args=[job.pk]),
        "title": _("Why is %(number)s put on hold?") % {"number": job.work_order.work_order_number},
        "reasons": reasons_by_use(ReasonKind.HOLD),
        "code_prefix": "GENBA:HOLD",
        "refused": refused,
    }
    return render(request, "production/_stop_explain.html", context, status=status)


def _confirm_complete(request: HttpRequest, job: JobOrder, missing: Decimal) -> HttpResponse:
    context = {
        "job": job,
        "missing": number(missing),
        "good": number(job.good),
        "plan": number(job.work_order.planned_quantity),
    }
    if not is_fragment(request):
        return render(request, "production/terminal_complete.html", context)
    response = render(request, "production/_terminal_complete.html", context)
    return reswap(retarget(response, "#modal-content"), "innerHTML")


def _closing_dialog(response: HttpResponse) -> HttpResponse:
    return trigger_client_event(response, "genba:close-modal", {})


def _go(request: HttpRequest, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if is_fragment(request) else redirect(url)
