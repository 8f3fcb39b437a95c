"""The live board (where must I go now?) and the page of one line."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

from audit.errors import NotFound
from equipment.enums import LineState
from equipment.models import LineStateInterval
from equipment.scope import lines_in_scope, names_in_scope
from mfg_project.common.formats import Moment, duration, moment
from mfg_project.common.pages import allowed, render_page
from mfg_project.common.plant import current_plant
from mfg_project.common.shared_work import shared
from production.queries.board import LineNow, board_line, board_lines
from production.queries.terminal import line_queue
from production.views.tiles import Tile, job_facts, tile_of

SEE_LINES = "equipment.view_linestateinterval"
SET_STATES = "equipment.set_line_state"
SUMMARY_ORDER = (
    LineState.STOPPED,
    LineState.NO_DATA,
    LineState.MAINTENANCE,
    LineState.IDLE,
    LineState.SETUP,
    LineState.RUNNING,
)
BY_HAND = (LineState.RUNNING, LineState.SETUP, LineState.IDLE, LineState.MAINTENANCE)  # a stop asks for its reason


@dataclass(frozen=True, slots=True)
class StateRow:
    """One state of today as the line page lists it."""

    pk: int
    state: str
    label: str
    begin: Moment | None
    end: str
    lasted: str
    reason: str
    comment: str
    explained_by: str
    is_stop: bool
    needs_explanation: bool
    is_open: bool


@dataclass(frozen=True, slots=True)
class Viewer:
    """Everything in which the board differs from one person to the next.

    Boards of equal viewers share what is rendered (see `shared`), so nothing below a `shared` looks at the request.
    """

    language: str
    time_zone: str
    wall: bool
    may_set: bool
    may_report: bool
    can_add_lines: bool
    lines: frozenset[UUID] | None  # rights per line: what one may see is not what the next may

    def context(self) -> dict[str, Any]:
        """What every tile needs to know of who looks at it."""
        return {
            "wall": self.wall,
            "may_explain": self.may_set,
            "may_set_state": self.may_set,
            "cause_url": _cause_url() if settings.DEMO and self.may_set else "",
        }


def _viewer(request: HttpRequest) -> Viewer:
    wall = request.GET.get("wall") == "1"
    return Viewer(
        language=get_language(),
        time_zone=timezone.get_current_timezone_name(),
        wall=wall,
        may_set=not wall and request.user.has_perm(SET_STATES),
        may_report=not wall and request.user.has_perm("production.view_kpi"),
        can_add_lines=request.user.is_staff and request.user.has_perm("equipment.add_productionline"),
        lines=lines_in_scope(),
    )


@require_safe
@allowed(SEE_LINES)
def board(request: HttpRequest) -> HttpResponse:
    """Every line. `?wall=1` is the same board for a screen nobody touches."""
    context = _board_context(_viewer(request))
    return render_page(request, "production/board.html", "production/_board_live.html", context)


@require_safe
@allowed(SEE_LINES)
def board_grid(request: HttpRequest) -> HttpResponse:
    """The board's moving part: order of the tiles and the summary."""
    return HttpResponse(_grid(_viewer(request)))


@shared
def _grid(viewer: Viewer) -> str:
    return render_to_string("production/_board_live.html", _board_context(viewer))


@require_safe
@allowed(SEE_LINES)
def board_tile(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One tile. When the line's place on the board changed (`?rank=` is the one shown), the grid sorts itself."""
    rank, html = _tile(_viewer(request), pk)
    response = HttpResponse(html)
    if request.GET.get("rank") != str(rank):
        trigger_client_event(response, "genba:resort", {})
    return response


@shared
def _tile(viewer: Viewer, pk: UUID) -> tuple[int, str]:
    tile = tile_of(_found(board_line(pk, now=timezone.now())))
    return tile.rank, render_to_string("production/_board_tile.html", viewer.context() | {"tile": tile})


@require_safe
@allowed(SEE_LINES)
def line(request: HttpRequest, pk: UUID) -> HttpResponse:
    now = timezone.now()
    at = _found(board_line(pk, now=now))
    tile = tile_of(at)
    context = _viewer(request).context() | {
        "tile": tile,
        "hours": _strip_hours(at),
        "rows": [_state_row(interval, at) for interval in reversed(at.intervals)],
        "queue": [job_facts(job, now=now) for job in line_queue(pk) if not at.job or job.pk != at.job.pk],
        "choices": [(state, LineState(state).label) for state in BY_HAND],
    }
    return render_page(request, "production/line.html", "production/_line_live.html", context)


def _found(at: LineNow | None) -> LineNow:
    if at is None:
        raise NotFound(_("This production line does not exist."))
    return at


def _board_context(viewer: Viewer) -> dict[str, Any]:
    now = timezone.now()
    tiles = [tile_of(at) for at in board_lines(now=now)]
    return viewer.context() | {
        "tiles": tiles,
        "my_lines": names_in_scope(),
        "summary": _summary(tiles),
        "clock": moment(now),
        "plant": current_plant().name,
        "can_add_lines": viewer.can_add_lines,
        "may_report": viewer.may_report,
    }


def _cause_url() -> str:
    try:
        return reverse("demo:cause-problem")
    except NoReverseMatch:
        return ""


def _summary(tiles: list[Tile]) -> list[dict[str, Any]]:
    counts = Counter(tile.state for tile in tiles)
    return [
        {"state": state.value, "label": state.label, "count": counts[state]} for state in SUMMARY_ORDER if counts[state]
    ]


def _strip_hours(at: LineNow) -> list[str]:
    """The clock under the strip: begin, quarters and end of the production day."""
    begin, end = at.today.begin, at.today.end
    return [f"{timezone.localtime(begin + (end - begin) * n / 4):%H:%M}" for n in range(5)]


def _state_row(interval: LineStateInterval, at: LineNow) -> StateRow:
    now = at.today.now
    end = moment(interval.ended_at, now=now)
    return StateRow(
        pk=interval.pk,
        state=interval.state,
        label=str(LineState(interval.state).label),
        begin=moment(interval.started_at, now=now),
        end=end.text if end else "",
        lasted=duration(((interval.ended_at or now) - interval.started_at).total_seconds()),
        reason=interval.reason.label if interval.reason else "",
        comment=interval.comment,
        explained_by=interval.explained_by.printed_name if interval.explained_by else "",
        is_stop=interval.state == LineState.STOPPED,
        needs_explanation=interval.needs_explanation,
        is_open=interval.ended_at is None,
    )
