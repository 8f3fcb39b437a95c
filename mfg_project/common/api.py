"""What every REST endpoint shares: who may, how lists are cut, what a body may be, how an error reads.

The settings name these classes, so this module imports nothing of REST framework that reads the settings.
"""

import json
from typing import Any

import structlog
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions, filters, pagination, parsers, permissions, throttling
from rest_framework.request import Request
from rest_framework.response import Response

from audit.context import require
from mfg_project.common.problems import MEDIA_TYPE, problem_of

log = structlog.get_logger(__name__)

MAX_LIMIT = 1000
MAX_OFFSET = 1_000_000_000


def problem_details(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. A fault is left to Django, which logs it and calls `handler500`."""
    request = context["request"]
    problem = problem_of(error, request)
    if problem is None:
        return None
    if problem.status in (409, 412):
        log.info("api_conflict", code=problem.code, error=str(error))
    return Response(
        problem.body(request), status=problem.status, headers=problem.headers or None, content_type=MEDIA_TYPE
    )


class HasModelPermission(permissions.BasePermission):
    """Signed in, allowed to see what the endpoint is about, and to do what the action does, before a body is read.

    To see: `view_permission` of the view, or the view permission of its model. A view with neither lets nobody in.
    To do: one of the permissions under the action's name in `action_permissions`; a write that is not there is
    nobody's. The service asks again: it is the rule, this only answers before a body is judged that is not welcome.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        permission = getattr(view, "view_permission", "") or self._of_model(view)
        if not permission:
            return False
        require(permission)
        return self._may_act(request, view)

    def _may_act(self, request: Request, view: Any) -> bool:
        action = getattr(view, "action", None)  # None: the address has no such method, which is said as 405
        enough: tuple[str, ...] = getattr(view, "action_permissions", {}).get(action, ())
        if enough and not any(request.user.has_perm(permission) for permission in enough):
            require(enough[0])
        return bool(enough) or action is None or request.method in permissions.SAFE_METHODS

    def _of_model(self, view: Any) -> str:
        queryset = getattr(view, "queryset", None)
        if not isinstance(queryset, QuerySet):
            return ""
        meta = queryset.model._meta
        return f"{meta.app_label}.view_{meta.model_name}"


class Pagination(pagination.LimitOffsetPagination):
    """`limit` 1..1000, default 100, and `offset` from 0 (DES-31, X-40). Anything else is refused, not bent."""

    default_limit = 100
    max_limit = MAX_LIMIT
    limit_query_description = gettext_lazy("Maximum number of results")  # type: ignore[assignment]
    offset_query_description = gettext_lazy("Position of the first result")  # type: ignore[assignment]

    def get_limit(self, request: Request) -> int:
        if "page" in request.query_params:
            raise exceptions.ValidationError({"page": [_("Lists are read with “limit” and “offset”.")]})
        return self._number(request, "limit", 1, MAX_LIMIT, default=self.default_limit)

    def get_offset(self, request: Request) -> int:
        return self._number(request, "offset", 0, MAX_OFFSET, default=0)

    def _number(self, request: Request, name: str, low: int, high: int, *, default: int) -> int:
        raw = request.query_params.get(name)
        if raw is None:
            return default
        # The length keeps int() from being fed a million digits.
        number = int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= 10 else None
        if number is None or not low <= number <= high:
            message = _("Give a whole number from %(low)s to %(high)s.") % {"low": low, "high": high}
            raise exceptions.ValidationError({name: [message]})
        return number

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        bounds = {
            "limit": {"minimum": 1, "maximum": MAX_LIMIT, "default": self.default_limit},
            "offset": {"minimum": 0, "default": 0},
        }
        for parameter in parameters:
            parameter["schema"] |= bounds[parameter["name"]]
        return parameters


class Ordering(filters.OrderingFilter):
    """`ordering=-priority,scheduled_start`; an unknown name is refused. The key makes every order total."""

    def remove_invalid_fields(self, queryset: Any, fields: Any, view: Any, request: Any) -> list[str]:
        known = [name for name, _label in self.get_valid_fields(queryset, view, {"request": request})]
        unknown = [term for term in fields if term.removeprefix("-") not in known]
        if unknown:
            message = _("Unknown: %(names)s. Known: %(known)s.") % {
                "names": ", ".join(unknown),
                "known": ", ".join(known),
            }
            raise exceptions.ValidationError({self.ordering_param: [message]})
        return [*fields, "pk"]

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        names = ", ".join(getattr(view, "ordering_fields", None) or [])
        for parameter in parameters:
            parameter["description"] = f"{self.ordering_description} {names}"
        return parameters


class JSONParser(parsers.JSONParser):
    """Says where a body is broken, in the reader's language. Its size is bounded by DATA_UPLOAD_MAX_MEMORY_SIZE."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except exceptions.ParseError as error:
            raise exceptions.ParseError(_broken_json(error.__context__)) from error
        except RecursionError as error:
            raise exceptions.ParseError(_("The JSON is nested too deeply.")) from error


def _broken_json(cause: BaseException | None) -> str:
    if isinstance(cause, json.JSONDecodeError):
        return _("The body is not valid JSON: line %(line)s, column %(column)s.") % {
            "line": cause.lineno,
            "column": cause.colno,
        }
    return _("The body is not valid JSON.")


class TokenThrottle(throttling.AnonRateThrottle):
    """Guessing passwords at the token endpoint is slow."""

    scope = "token"
