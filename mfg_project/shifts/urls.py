from django.urls import path

from mfg_project.shifts import views

app_name = "shifts"

urlpatterns = [
    path("shifts/", views.shifts, name="list"),
    path("shifts.pdf", views.shifts_pdf, name="pdf"),
    path("shifts/<int:pk>/", views.shift, name="shift"),
    path("shifts/<int:pk>.pdf", views.shift_pdf, name="shift-pdf"),
    path("lines/<uuid:pk>/shift/", views.newest_of_line, name="of-line"),
]
