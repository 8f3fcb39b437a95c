from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from audit.context import Act, acting

_DOORS = {"/api/": "api", "/admin/": "admin"}


class AuditContextMiddleware:
    """Opens the act of a request; the same id is in the log lines, the answer and the evidence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        source = next((name for prefix, name in _DOORS.items() if request.path.startswith(prefix)), "web")
        act = Act(who=lambda: request.user, source=source, station=request.headers.get("X-Station", "")[:50])
        request.act_id = str(act.id)  # type: ignore[attr-defined]
        with acting(act), structlog.contextvars.bound_contextvars(request_id=str(act.id)):
            response = self.get_response(request)
        response["X-Request-ID"] = str(act.id)
        return response
