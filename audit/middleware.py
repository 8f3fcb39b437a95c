from collections.abc import Callable
from ipaddress import ip_address

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from audit import attempts
from audit.context import Act, acting
from audit.stations import MAX_NAME, station_of

_DOORS = {"/api/": "api", "/admin/": "admin"}


class AuditContextMiddleware:
    """Opens the act of a request; the same id is in the log lines, the answer and the evidence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        source = next((name for prefix, name in _DOORS.items() if request.path.startswith(prefix)), "web")
        act = Act(who=lambda: request.user, source=source, station=_station(request, source), address=_address(request))
        request.act_id = str(act.id)  # type: ignore[attr-defined]
        known = {"request_id": str(act.id)} | ({"station": act.station} if act.station else {})
        with acting(act), structlog.contextvars.bound_contextvars(**known):
            response = self.get_response(request)
            attempts.keep(act)
        response["X-Request-ID"] = str(act.id)
        return response


def _station(request: HttpRequest, source: str) -> str:
    """A device's name is ours; a program keeps no cookies and says itself which station it speaks for."""
    said = request.headers.get("X-Station", "").strip()[:MAX_NAME] if source == "api" else ""
    return station_of(request) or said


def _address(request: HttpRequest) -> str:
    """The client's, as our own proxy saw it; what a client says of itself beyond that is not believed."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_PROXY else ""
    said = forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")
    try:
        return str(ip_address(said))
    except ValueError:  # a socket of this machine has none
        return ""
