"""Explaining a stop in two taps, and setting a line's state by hand."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from audit.errors import InvalidInput, NotFound
from equipment.enums import LineState, ReasonKind
from equipment.models import LineStateInterval, ProductionLine
from equipment.scope import visible
from equipment.services.line_states import explain_interval, set_line_state
from mfg_project.common.pages import allowed, done_in_dialog, toast
from production.queries.board import reasons_by_use
from production.views.inputs import plain_text, uuid_or_none
from production.views.tiles import interval_words

SET_STATES = "equipment.set_line_state"


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(SET_STATES)
def explain(request: HttpRequest, pk: int) -> HttpResponse:
    """First tap: the reasons. Second tap: one of them. Explaining again replaces the reason."""
    interval = visible(LineStateInterval.objects.select_related("line", "reason").filter(pk=pk)).first()
    if interval is None:
        raise NotFound(_("This stop does not exist."))
    if request.method != "POST":
        return _explain_dialog(request, interval)
    reason_id = uuid_or_none(request.POST.get("reason"))
    if reason_id is None:
        return _explain_dialog(request, interval, refused=_("Choose a reason."), status=422)
    try:
        comment = plain_text(request.POST.get("comment"), at_most=500)
        saved = explain_interval(interval_id=pk, reason_id=reason_id, comment=comment)
    except (NotFound, InvalidInput) as refused:  # the reason was switched off a moment ago
        return _explain_dialog(request, interval, refused=str(refused), status=422)
    return _explained(saved, line=interval.line)


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(SET_STATES)
def stop_line(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A stop entered by hand: which reason, or not known yet."""
    line = _line(pk)
    if request.method != "POST":
        return _stop_dialog(request, line)
    try:
        reason_id = uuid_or_none(request.POST.get("reason"))
        interval = report_stop(line_id=pk, reason_id=reason_id)
    except (NotFound, InvalidInput) as refused:
        return _stop_dialog(request, line, refused=str(refused), status=422)
    if interval.reason_id is None:
        return done_in_dialog(_("%(line)s: stopped.") % {"line": line.line_name})
    return _explained(interval, line=line)


def report_stop(*, line_id: UUID, reason_id: UUID | None) -> LineStateInterval:
    """A person says that the line stands, and perhaps why: a stop that is open already gets the reason."""
    current = LineStateInterval.objects.filter(line_id=line_id, ended_at=None).first()
    if reason_id and current and current.state == LineState.STOPPED:
        return explain_interval(interval_id=current.pk, reason_id=reason_id, comment=current.comment)
    return set_line_state(line_id=line_id, state=LineState.STOPPED, reason_id=reason_id)


@require_POST
@allowed(SET_STATES)
def set_state(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Running, setup, idle or maintenance, entered by a person. The page fetches itself again."""
    line = _line(pk)
    state = request.POST.get("state", "")
    try:
        set_line_state(line_id=pk, state=state)
    except InvalidInput as refused:
        return toast(HttpResponse(status=422), refused, level="error")
    return done_in_dialog(_("%(line)s: %(state)s.") % {"line": line.line_name, "state": LineState(state).label})


def _line(pk: UUID) -> ProductionLine:
    line = visible(ProductionLine.objects.filter(pk=pk, is_active=True)).first()
    if line is None:
        raise NotFound(_("This production line does not exist."))
    return line


def _explain_dialog(
    request: HttpRequest, interval: LineStateInterval, *, refused: str = "", status: int = 200
) -> HttpResponse:
    now = timezone.now()
    context = {
        "url": reverse("production:stop-explain", args=[interval.pk]),
        "title": _("Why did %(line)s stop?") % {"line": interval.line.line_name},
        "about": interval_words(interval, now=now),
        "chosen": interval.reason_id,
        "comment": interval.comment,
        "asks_comment": True,
        "reasons": reasons_by_use(ReasonKind.STOP, now=now),
        "refused": refused,
    }
    return render(request, "production/_stop_explain.html", context, status=status)


def _stop_dialog(request: HttpRequest, line: ProductionLine, *, refused: str = "", status: int = 200) -> HttpResponse:
    context = {
        "url": reverse("production:line-stop", args=[line.pk]),
        "title": _("Why does %(line)s stop?") % {"line": line.line_name},
        "reasons": reasons_by_use(ReasonKind.STOP),
        "unknown_label": _("Not known yet"),
        "refused": refused,
    }
    return render(request, "production/_stop_explain.html", context, status=status)


def _explained(interval: LineStateInterval, *, line: ProductionLine) -> HttpResponse:
    """Done; for ten seconds the reason can be changed with one more tap."""
    response = HttpResponse(status=204)
    said = {
        "level": "success",
        "text": _("%(line)s: %(reason)s.")
        % {"line": line.line_name, "reason": interval.reason.label if interval.reason else "—"},
        "seconds": 10,
        "label": _("Change"),
        "opens": reverse("production:stop-explain", args=[interval.pk]),
    }
    trigger_client_event(response, "genba:toast", said)
    trigger_client_event(response, "genba:refresh", {})
    return trigger_client_event(response, "genba:close-modal", {})
