"""Error pages, and the health addresses that load balancers and monitors ask."""

import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg
import redis
import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from mfg_project.common.outage import PROBE_SECONDS, ask_database, service_that_is_down
from mfg_project.common.problems import (
    BUSY,
    HTTP_TITLES,
    Problem,
    fault_of,
    problem_of,
    problem_response,
)

log = structlog.get_logger(__name__)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        problem = problem_of(exception, request) or Problem(
            status=400, code="bad_request", title=HTTP_TITLES[400], detail=_("The request is not acceptable.")
        )
        return problem_response(problem, request)
    response = defaults.bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        response.status_code = 413
    return response


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return problem_response(problem_of(exception, request) or fault_of(exception, request), request)
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return problem_response(problem_of(exception, request) or fault_of(exception, request), request)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls this while the exception is being handled. The page asks neither database nor session."""
    error = sys.exc_info()[1]
    problem = fault_of(error, request)
    if _is_api(request):
        return problem_response(problem, request)
    if problem.status == 503:
        page, context = (
            ("busy.html", {}) if problem.code == BUSY else ("503.html", {"service": service_that_is_down(error)})
        )
        return HttpResponse(render_to_string(page, context), status=503, headers=problem.headers)
    return HttpResponse(render_to_string("500.html"), status=500)


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is asked, so that a lost database does not restart healthy processes."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def health_database(request: HttpRequest) -> JsonResponse:
    return _probe("database", ask_database)


@require_safe
@never_cache
def health_redis(request: HttpRequest) -> JsonResponse:
    return _probe("redis", _ask_redis)


def _probe(service: str, ask: Callable[[], Any]) -> JsonResponse:
    started = time.perf_counter()
    try:
        ask()
    except (psycopg.Error, redis.RedisError, OSError) as error:
        log.warning("health_probe_failed", service=service, error=str(error))
        return JsonResponse({"service": service, "status": "down"}, status=503)
    latency = round((time.perf_counter() - started) * 1000, 1)
    return JsonResponse({"service": service, "status": "ok", "latency_ms": latency})


def _ask_redis() -> None:
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=PROBE_SECONDS, socket_timeout=PROBE_SECONDS
    ) as probe:
        probe.ping()
