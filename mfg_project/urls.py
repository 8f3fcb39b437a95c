from django.contrib import admin
from django.urls import include, path

from accounts.urls import admin_doors
from accounts.views import home

urlpatterns = [
    path("", home, name="home"),
    path("accounts/", include("accounts.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", include(admin_doors)),
    path("admin/", admin.site.urls),
]
