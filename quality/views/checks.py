"""What must be checked now? The queue, the entry of one check, and the panels other pages show."""

import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from audit.errors import DomainError, MissingPermission, NotFound
from equipment.queries.site import production_day_bounds
from equipment.scope import visible
from mfg_project.common.formats import exact, moment, percent
from mfg_project.common.pages import allowed, asked_text, asked_uuid, query_without, render_page
from production.models import JobOrder, WorkOrder
from production.queries.order_list import OrderFilter, filtered_orders
from quality.enums import Verdict
from quality.forms import CheckForm, next_piece
from quality.models import Measurement, QualityCheck
from quality.queries.checks import (
    CheckFilter,
    characteristics_to_measure,
    checks_of_order,
    filtered_checks,
    jobs_to_measure,
    last_place_of,
    pass_rate,
    places,
    with_failures,
)
from quality.services.checks import record_check

PER_PAGE = 50
ON_ORDER_PAGE = 10
PERIODS = {"1": 1, "7": 7, "30": 30, "all": None}


@require_safe
@allowed("quality.view_qualitycheck")
def check_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    period = request.GET.get("days") if request.GET.get("days") in PERIODS else "7"
    days = PERIODS[period or "7"]
    wanted = CheckFilter(
        result=request.GET.get("result", "") if request.GET.get("result") in Verdict.values else "",
        place=asked_text(request, "place"),
        search=asked_text(request, "q"),
        since=now - dt.timedelta(days=days) if days else None,
    )
    page = Paginator(filtered_checks(wanted), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "wanted": wanted,
        "rows": check_rows(page),
        "page": page,
        "query": query_without(request, "page"),
        "result_chips": _result_chips(request, wanted),
        "period_chips": _period_chips(request, period or "7"),
        "places": places(),
        "due": [_due_row(job) for job in jobs_to_measure()],
        "tab": "checks",
    }
    return render_page(request, "quality/check_list.html", "quality/_check_list.html", context, targets=["checks"])


@require_http_methods(["GET", "HEAD", "POST"])
@allowed("quality.record_check")
def check_create(request: HttpRequest) -> HttpResponse:
    order, job = _what_is_measured(request)
    if order is None:
        return _choose_order(request)
    characteristics = characteristics_to_measure(order, job)
    if request.method != "POST":
        done = _just_recorded(request, order)
        form = CheckForm(characteristics=characteristics, initial=_initial(request, done))
        return _entry_page(request, form, order, job, done=done)
    form = CheckForm(request.POST, characteristics=characteristics)
    if not form.is_valid():
        return _entry_page(request, form, order, job, status=422)
    entered = form.cleaned_data
    try:
        check = record_check(
            work_order_id=order.pk,
            job_order_id=job.pk if job else None,
            values=form.measured(),
            test_type=entered["test_type"],
            piece=entered["piece"],
            place=entered["place"],
            comment=entered["comment"],
            client_token=entered["client_token"],
        )
    except MissingPermission:
        raise
    except DomainError as refused:
        form.add_refusal(refused)
        return _entry_page(request, form, order, job, status=422)
    job_part = f"&job={job.pk}" if job else ""
    return redirect(f"{reverse('quality:check-create')}?order={order.pk}{job_part}&done={check.pk}")


@require_safe
@allowed("quality.view_qualitycheck")
def order_checks(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The checks of one order, for its page."""
    context = {
        "order": get_object_or_404(visible(WorkOrder.objects.all()), pk=pk),
        "rows": check_rows(checks_of_order(pk, at_most=ON_ORDER_PAGE)),
        "rate": _rate_figure(pass_rate(work_order_id=pk)),
        "cut": ON_ORDER_PAGE,
    }
    return render(request, "quality/_order_checks.html", context)


@require_safe
@allowed("quality.view_qualitycheck", "production.view_kpi")
def pass_rate_panel(request: HttpRequest) -> HttpResponse:
    """The pass rate of checks over production days, beside the key figures and never mixed with them (X-06)."""
    first, last = _date(request.GET.get("start")), _date(request.GET.get("end"))
    line = asked_uuid(request, "line")
    rate = pass_rate(
        start=production_day_bounds(day=first)[0] if first else None,
        end=production_day_bounds(day=last)[1] if last else None,
        line_ids=[line] if line else None,
    )
    return render(request, "quality/_pass_rate_panel.html", {"rate": _rate_figure(rate)})


def check_rows(checks: Iterable[QualityCheck]) -> list[dict[str, Any]]:
    return [
        {
            "pk": check.pk,
            "at": moment(check.performed_at),
            "order": check.work_order,
            "product": check.work_order.product.product_name,
            "operation": check.job_order.operation_name if check.job_order else "",
            "piece": check.piece,
            "place": check.place,
            "test": check.test_type,
            "result": check.result or "",
            "result_label": check.get_result_display() if check.result else _("Not judged"),
            "values": check.values_count or 0,  # type: ignore[attr-defined]  # annotated by with_failures
            "failures": [failure_text(m) for m in check.failures],  # type: ignore[attr-defined]
            "by": str(check.performed_by),
            "comment": check.comment,
        }
        for check in checks
    ]


def failure_text(measurement: Measurement) -> str:
    """Which value, and which limit it broke: "D1 Diameter 10.30 > 10.1 mm"."""
    characteristic = measurement.characteristic
    upper = measurement.upper_limit
    high = upper is not None and measurement.value > upper
    return "{name} {value} {sign} {limit} {unit}".format(
        name=characteristic.name,
        value=exact(measurement.value),
        sign=">" if high else "<",
        limit=exact(upper if high else measurement.lower_limit),
        unit=characteristic.unit,
    )


def _rate_figure(rate: Any) -> dict[str, Any]:
    return {"value": percent(rate.rate) if rate.judged else "", "passed": rate.passed, "judged": rate.judged}


def _what_is_measured(request: HttpRequest) -> tuple[WorkOrder | None, JobOrder | None]:
    job_id, order_id = asked_uuid(request, "job"), asked_uuid(request, "order")
    if job_id:
        job = visible(JobOrder.objects.select_related("work_order__product").filter(pk=job_id)).first()
        if job is None or (order_id and job.work_order_id != order_id):
            raise NotFound(_("The job order was not found."))
        return job.work_order, job
    if not order_id:
        return None, None
    order = visible(WorkOrder.objects.select_related("product").filter(pk=order_id)).first()
    if order is None:
        raise NotFound(_("The work order was not found."))
    return order, None


def _choose_order(request: HttpRequest) -> HttpResponse:
    search = asked_text(request, "q")
    view = "all" if search else "in_progress"
    orders = filtered_orders(OrderFilter(view=view, search=search), now=timezone.now())[:20]
    context = {"orders": orders, "search": search, "tab": "entry"}
    return render(request, "quality/check_choose.html", context)


def _entry_page(
    request: HttpRequest,
    form: CheckForm,
    order: WorkOrder,
    job: JobOrder | None,
    *,
    done: QualityCheck | None = None,
    status: int = 200,
) -> HttpResponse:
    jobs = list(order.job_orders.order_by("sequence"))
    context = {
        "form": form,
        "order": order,
        "job": job,
        "jobs": jobs,
        "places": places(),
        "done": check_rows([done])[0] if done else None,
        "tab": "entry",
    }
    return render_page(
        request, "quality/check_create.html", "quality/_check_form.html", context, targets=["check"], status=status
    )


def _just_recorded(request: HttpRequest, order: WorkOrder) -> QualityCheck | None:
    done = asked_uuid(request, "done")
    if not done:
        return None
    return with_failures(QualityCheck.objects.filter(pk=done, work_order=order)).first()


def _initial(request: HttpRequest, done: QualityCheck | None) -> dict[str, Any]:
    """The next piece at the same place."""
    if done:
        return {"piece": next_piece(done), "place": done.place, "test_type": done.test_type}
    return {"place": last_place_of(request.user)}


def _due_row(job: Any) -> dict[str, Any]:
    return {
        "url": f"{reverse('quality:check-create')}?job={job.pk}",
        "order": job.work_order,
        "operation": f"{job.sequence} {job.operation_name}",
        "line": job.production_line.line_name if job.production_line else "",
        "last": moment(job.last_check),
        "count": job.check_count,
    }


def _result_chips(request: HttpRequest, wanted: CheckFilter) -> list[dict[str, Any]]:
    kept = query_without(request, "result", "page")
    words = [("", _("All")), (Verdict.FAIL, Verdict.FAIL.label), (Verdict.PASS, Verdict.PASS.label)]
    return [
        {"label": word, "url": f"?{kept}result={value}" if value else f"?{kept}", "current": value == wanted.result}
        for value, word in words
    ]


def _period_chips(request: HttpRequest, period: str) -> list[dict[str, Any]]:
    kept = query_without(request, "days", "page")
    words = {"1": _("24 h"), "7": _("7 days"), "30": _("30 days"), "all": _("All time")}
    return [{"label": words[key], "url": f"?{kept}days={key}", "current": key == period} for key in PERIODS]


def _date(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text or "")
    except ValueError:
        return None
