from telemetry.api import views

ROUTES = [("series", views.SeriesViewSet, "series")]
