from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from audit.errors import NotFound
from mfg_project.demo.problems import cause_problem


@require_POST
@login_required
@permission_required("equipment.set_line_state", raise_exception=True)
def cause_problem_view(request: HttpRequest) -> HttpResponse:
    """Stop the line given as `line`. The page learns of it as of every state: through its live connection."""
    if not settings.DEMO:
        raise Http404
    try:
        cause_problem(UUID(request.POST.get("line", "")))
    except (ValueError, NotFound) as unknown:
        raise Http404 from unknown
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204)
    return redirect("home")
