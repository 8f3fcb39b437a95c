"""RFC 9457 problem details: what the API answers when it does not do what it was asked.

Refusals of services, malformed requests and faults take this one form. An internal message never leaves the
server; the request id leads to it in the log.
"""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DatabaseError, IntegrityError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions

from audit.errors import (
    Conflict,
    DomainError,
    InvalidInput,
    MissingPermission,
    NotFound,
    ReasonRequired,
    RecordKept,
    SignatureRefused,
    StaleVersion,
    TransitionRefused,
)
from mfg_project.common.outage import is_crowded, lost_a_race, service_that_is_down

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "10"
BUSY = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    status: int
    code: str
    title: Any
    detail: Any
    members: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, request: Any) -> dict[str, Any]:
        return {
            "type": f"urn:problem-type:genba:{self.code}",
            "title": str(self.title),
            "status": self.status,
            "detail": str(self.detail),
            "code": self.code,
            "instance": request.path,
            "request_id": request_id(request),
            "timestamp": timezone.now().isoformat(),
            **self.members,
        }


REFUSALS: dict[type[DomainError], tuple[int, Any]] = {
    ReasonRequired: (422, gettext_lazy("Reason required")),  # before the kind it is one of
    InvalidInput: (422, gettext_lazy("A rule is broken")),
    NotFound: (404, gettext_lazy("Not found")),
    Conflict: (409, gettext_lazy("Data integrity error")),
    RecordKept: (409, gettext_lazy("Has to be kept")),
    StaleVersion: (409, gettext_lazy("Changed in the meantime")),
    TransitionRefused: (409, gettext_lazy("Not possible now")),
    MissingPermission: (403, gettext_lazy("Permission missing")),
    SignatureRefused: (422, gettext_lazy("Not signed")),
}
HTTP_TITLES = {
    400: gettext_lazy("The request cannot be read"),
    401: gettext_lazy("Not signed in"),
    403: gettext_lazy("Not allowed"),
    404: gettext_lazy("Not found"),
    405: gettext_lazy("Method not possible here"),
    406: gettext_lazy("No such format"),
    413: gettext_lazy("Body too large"),
    415: gettext_lazy("Media type not understood"),
    429: gettext_lazy("Too many requests"),
}


def request_id(request: Any) -> str | None:
    return getattr(request, "act_id", None)


def problem_of(error: BaseException, request: Any) -> Problem | None:
    """The problem a refusal or a malformed request makes; None for a fault, which `fault_of` describes."""
    if isinstance(error, DomainError):
        return _of_refusal(error, request)
    if isinstance(error, exceptions.ValidationError):
        return _of_malformed(error)
    if isinstance(error, exceptions.APIException):
        return _of_api_exception(error)
    if isinstance(error, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // (1024 * 1024)
        return _plain(413, "too_large", _("The body is larger than %(limit)s MB.") % {"limit": limit})
    if isinstance(error, Http404):
        return _plain(404, "not_found", _("There is nothing at this address."))
    if isinstance(error, PermissionDenied):
        return _plain(403, "permission_denied", _("Your role may not do this."))
    if isinstance(error, IntegrityError):
        return Problem(
            status=409,
            code=Conflict.code,
            title=REFUSALS[Conflict][1],
            detail=_("The operation could not be completed because a constraint is violated."),
        )
    return None


def fault_of(error: BaseException | None, request: Any) -> Problem:
    """A fault of ours: says that it happened and under which id the log tells more, never what it was."""
    if service := service_that_is_down(error):
        return Problem(
            status=503,
            code="unavailable",
            title=_("A part of the system is down"),
            detail=_("Not reachable: %(service)s. Nothing was changed; try again in a moment.") % {"service": service},
            headers={"Retry-After": RETRY_AFTER_SECONDS},
        )
    if is_crowded(error):
        return _busy(_("Many people are working at once. Nothing was changed; try again in a moment."))
    if lost_a_race(error):
        return _busy(_("Others are writing the same records. Nothing was changed; try again in a moment."))
    if isinstance(error, DatabaseError):
        return Problem(
            status=500,
            code="database_error",
            title=_("Database error"),
            detail=_("An error occurred while the database was working."),
        )
    return Problem(
        status=500,
        code="manufacturing_error",
        title=_("Manufacturing system error"),
        detail=_("An error occurred while the manufacturing system was working: %(request_id)s")
        % {"request_id": request_id(request) or "—"},
    )


def _busy(detail: str) -> Problem:
    return Problem(
        status=503,
        code=BUSY,
        title=_("Too much at once"),
        detail=detail,
        headers={"Retry-After": RETRY_AFTER_SECONDS},
    )


def problem_response(problem: Problem, request: HttpRequest) -> JsonResponse:
    """For requests that end outside a REST view: unknown paths, broken requests, faults."""
    return JsonResponse(
        problem.body(request),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers=problem.headers,
        json_dumps_params={"ensure_ascii": False},
    )


def _of_refusal(refusal: DomainError, request: Any) -> Problem:
    status, title = next(answer for kind, answer in REFUSALS.items() if isinstance(refusal, kind))
    if isinstance(refusal, StaleVersion) and request.headers.get("If-Match"):
        status = 412  # the client stated its precondition as HTTP does
    members = dict(refusal.facts)
    if isinstance(refusal, InvalidInput) and refusal.fields:
        members["errors"] = {name: [str(message)] for name, message in refusal.fields.items()}
    if isinstance(refusal, TransitionRefused):
        members["allowed"] = refusal.allowed
    if isinstance(refusal, MissingPermission) and refusal.permission:
        members["permission"] = refusal.permission
    return Problem(status=status, code=refusal.code, title=title, detail=str(refusal), members=members)


def _of_malformed(error: exceptions.ValidationError) -> Problem:
    errors = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
    return Problem(
        status=400,
        code="invalid",
        title=HTTP_TITLES[400],
        detail=" ".join(_sentences(errors)),
        members={"errors": errors},
    )


def _sentences(errors: Any, path: str = "") -> list[str]:
    if isinstance(errors, dict):
        return [s for name, inner in errors.items() for s in _sentences(inner, f"{path}.{name}" if path else str(name))]
    if isinstance(errors, list) and any(isinstance(inner, dict | list) for inner in errors):
        return [s for n, inner in enumerate(errors) for s in _sentences(inner, f"{path}[{n}]")]
    text = " ".join(str(message) for message in errors) if isinstance(errors, list) else str(errors)
    return [f"{path}: {text}" if path and path != "non_field_errors" else text]


def _of_api_exception(error: exceptions.APIException) -> Problem:
    detail: Any = error.detail
    if isinstance(error, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        detail = _why_not_signed_in(error)
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    code = error.default_code if isinstance(error.default_code, str) else "error"
    return Problem(
        status=error.status_code,
        code=code,
        title=HTTP_TITLES.get(error.status_code, HTTP_TITLES[400]),
        detail=detail,
        headers=headers,
    )


def _why_not_signed_in(error: exceptions.APIException) -> str:
    """Our own words: the libraries' ones differ between versions and name internals."""
    if isinstance(error, exceptions.NotAuthenticated):
        return _("Sign in, or send a token: Authorization: Bearer ….")
    if getattr(error.detail, "code", "") == "no_active_account":
        return _("The user name or the password is wrong, or the account is not active.")
    return _("The token is not valid or no longer valid. Get a new one.")


def _plain(status: int, code: str, detail: str) -> Problem:
    return Problem(status=status, code=code, title=HTTP_TITLES[status], detail=detail)
