from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from mfg_project.common.plant import current_plant

GetResponse = Callable[[HttpRequest], HttpResponse]


class AdminCspMiddleware:
    """The admin's pages are not ours: Alpine evaluates expressions, styles are inline. Nothing else may do that."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_update = settings.ADMIN_CSP_UPDATE  # type: ignore[attr-defined]  # read by django-csp
        return response


class PlantTimeMiddleware:
    """Pages speak plant time. The API speaks UTC: its clients are machines in any zone.

    The health addresses must answer while the database, where the plant is written, does not.
    """

    OTHERS = ("/api/", "/health")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(self.OTHERS):
            return self.get_response(request)
        with timezone.override(current_plant().tz):
            return self.get_response(request)
