from django.urls import path

from mfg_project.trail import views

app_name = "trail"

urlpatterns = [
    path("audit/", views.trail, name="list"),
    path("audit.csv", views.trail_csv, name="csv"),
    path("audit.json", views.trail_json, name="json"),
    path("audit.pdf", views.trail_pdf, name="pdf"),
    path("audit/<str:table>/<str:key>/bundle/", views.record_bundle, name="bundle"),
    path("audit/<str:table>/<str:key>/", views.record_trail, name="record"),
]
