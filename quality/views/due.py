"""What is measured at a job, for the terminal: a short list, one tap to the entry."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit.errors import NotFound
from equipment.scope import visible
from mfg_project.common.formats import exact, number
from mfg_project.common.pages import allowed, asked_uuid
from production.models import JobOrder
from quality.models import Characteristic, Measurement
from quality.queries.checks import characteristics_to_measure


@require_safe
@allowed("quality.view_qualitycheck")
def due_checks(request: HttpRequest) -> HttpResponse:
    key = asked_uuid(request, "job")
    job = visible(JobOrder.objects.select_related("work_order").filter(pk=key)).first() if key else None
    if job is None:
        raise NotFound(_("The job order was not found."))
    characteristics = characteristics_to_measure(job.work_order, job)
    measured = dict(
        Measurement.objects.filter(check_record__job_order=job, characteristic__in=characteristics)
        .values_list("characteristic")
        .annotate(Count("pk"))
    )
    rows = [
        {"name": row.name, "limits": limits_text(row), "unit": row.unit, "measured": number(measured.get(row.pk, 0))}
        for row in characteristics
    ]
    context = {"rows": rows, "job": job, "may_measure": request.user.has_perm("quality.record_check")}
    return render(request, "quality/_due_checks.html", context)


def limits_text(row: Characteristic) -> str:
    """“9.9 – 10.1”, or the one limit there is."""
    if row.lower_limit is not None and row.upper_limit is not None:
        return f"{exact(row.lower_limit)} – {exact(row.upper_limit)}"
    if row.upper_limit is not None:
        return f"≤ {exact(row.upper_limit)}"
    return f"≥ {exact(row.lower_limit)}" if row.lower_limit is not None else ""
