"""The project's addresses as they are in demo mode."""

from django.urls import include, path

from mfg_project import urls as project

handler400, handler403 = project.handler400, project.handler403
handler404, handler500 = project.handler404, project.handler500
urlpatterns = [*project.urlpatterns, path("demo/", include("mfg_project.demo.urls"))]
