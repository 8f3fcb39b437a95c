"""What every page of the application shares: who may open it, and how a refusal looks."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.functional import lazy
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from accounts.roles import ROLES
from audit.context import permission_label, require
from audit.errors import MissingPermission, NotFound, OutsideScope

Answer = TypeVar("Answer", bound=HttpResponseBase)

BYTE_ORDER_MARK = "\ufeff"  # so that spreadsheets read Japanese
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def allowed(*permissions: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer | HttpResponse]]:
    """Opens a page to who is signed in and holds every one of `permissions`.

    A MissingPermission from a service below becomes the 403 page as well, a NotFound the 404 page.
    """

    def decorate(view: Callable[..., Answer]) -> Callable[..., Answer | HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Answer | HttpResponse:
            if not request.user.is_authenticated:
                return sign_in_first(request)
            try:
                for permission in permissions:
                    require(permission)
                return view(request, *args, **kwargs)
            except MissingPermission as refused:
                return forbidden(request, refused)
            except NotFound as missing:
                raise Http404(str(missing)) from missing

        return guarded

    return decorate


def forbidden(request: HttpRequest, refused: MissingPermission) -> HttpResponse:
    """403 that names the permission and the roles that hold it, or the lines the account works on."""
    if isinstance(refused, OutsideScope):
        return render(request, "403.html", {"reason": refused.message}, status=403)
    # Lazy: the page says it in two languages
    context = {
        "permission_label": lazy(permission_label, str)(refused.permission),
        "permission_holders": lazy(_holders, str)(refused.permission),
    }
    return render(request, "403.html", context, status=403)


def _holders(permission: str) -> str:
    return ", ".join(str(role.label) for role in ROLES if permission in role.permissions)


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """To the login and back; a fragment of a page sends the whole page there."""
    if request.headers.get("HX-Request"):
        back = request.headers.get("HX-Current-URL", "/")
        return HttpResponseClientRedirect(redirect_to_login(back).url)
    return redirect_to_login(request.get_full_path())


def is_fragment(request: HttpRequest, *targets: str) -> bool:
    """Whether htmx asks for a part of the page (one of `targets` when given) rather than for the whole."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.history_restore_request and (not targets or htmx.target in targets)


def render_page(
    request: HttpRequest,
    page: str,
    fragment: str,
    context: dict[str, Any],
    *,
    targets: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    """The whole page for a browser, its changing part for htmx; caches keep the two apart."""
    template = fragment if is_fragment(request, *targets) else page
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def toast(response: HttpResponse, text: Any, *, level: str = "success") -> HttpResponse:
    return trigger_client_event(response, "genba:toast", {"level": level, "text": str(text)})


def done_in_dialog(text: Any) -> HttpResponse:
    """The act in the dialog is done: it closes, the page behind it fetches itself again."""
    response = toast(HttpResponse(status=204), text)
    trigger_client_event(response, "genba:refresh", {})
    return trigger_client_event(response, "genba:close-modal", {})


def asked_text(request: HttpRequest, name: str) -> str:
    """A search word of the address, without what the database cannot hold."""
    return request.GET.get(name, "").replace("\x00", "").strip()[:100]


def asked_uuid(request: HttpRequest, name: str) -> UUID | None:
    """A key of the address; what is no key means nothing was asked."""
    try:
        return UUID(request.GET.get(name, ""))
    except ValueError:
        return None


def query_without(request: HttpRequest, *names: str) -> str:
    """The query of this address without `names` and empty ones, ready to be continued: "status=late&"."""
    kept = [(k, v) for k, values in request.GET.lists() if k not in names for v in values if v]
    return urlencode(kept) + "&" if kept else ""


def csv_response(filename: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """UTF-8 with a mark. Text that a spreadsheet would run is quoted."""
    return HttpResponse(
        [BYTE_ORDER_MARK, csv_lines([[str(cell) for cell in header]]), csv_lines(rows)],
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


def csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    """Lines of a CSV file, text that a spreadsheet would run made harmless."""
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: Any) -> Any:
    if cell is None:
        return ""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
