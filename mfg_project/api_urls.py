"""The API at /api/v1/: every app's routes, tokens, and the description of it all."""

from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ViewSetMixin
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from equipment.api.urls import ROUTES as EQUIPMENT
from inventory.api.urls import ROUTES as INVENTORY
from mfg_project.common.api import TokenThrottle
from mfg_project.trail.api import ROUTES as TRAIL
from production.api.urls import ROUTES as PRODUCTION
from quality.api.urls import ROUTES as QUALITY
from telemetry.api.urls import ROUTES as TELEMETRY

router = SimpleRouter()
router.trailing_slash = "/?"  # clients of the source documents call without it, and a redirect would drop a POST
routes: list[tuple[str, type[ViewSetMixin], str]] = [*INVENTORY, *EQUIPMENT, *TELEMETRY, *PRODUCTION, *QUALITY, *TRAIL]
for prefix, viewset, name in routes:
    router.register(prefix, viewset, basename=name)

# The description holds nothing of the plant, so that a client can be generated without an account.
docs = SpectacularSwaggerSplitView.as_view(
    url_name="api-schema", template_name="api/docs.html", permission_classes=[AllowAny], authentication_classes=[]
)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="api-docs")),
    path("auth/token/", TokenObtainPairView.as_view(throttle_classes=[TokenThrottle]), name="token"),
    path("auth/token/refresh/", TokenRefreshView.as_view(throttle_classes=[TokenThrottle]), name="token-refresh"),
    path(
        "schema/",
        SpectacularAPIView.as_view(permission_classes=[AllowAny], authentication_classes=[]),
        name="api-schema",
    ),
    path("docs/", docs, name="api-docs"),
    path("", include(router.urls)),
]
