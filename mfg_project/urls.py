from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from accounts.urls import admin_doors
from accounts.views import home
from mfg_project.common import views

urlpatterns = [
    path("", home, name="home"),
    path("accounts/", include("accounts.urls")),
    path("", include("production.urls")),
    path("", include("telemetry.urls")),
    path("quality/", include("quality.urls")),
    path("", include("mfg_project.trail.urls")),
    path("", include("mfg_project.signing.urls")),
    path("", include("mfg_project.shifts.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", include(admin_doors)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("mfg_project.api_urls")),
    re_path(r"^health/?$", views.health, name="health"),
    re_path(r"^health/database/?$", views.health_database, name="health-database"),
    re_path(r"^health/redis/?$", views.health_redis, name="health-redis"),
]

if settings.DEMO:
    urlpatterns.append(path("demo/", include("mfg_project.demo.urls")))

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.page_not_found
handler500 = views.server_error
