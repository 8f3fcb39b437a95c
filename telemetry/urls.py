from django.urls import path, re_path

from telemetry.views import held_back, series, write

app_name = "telemetry"

urlpatterns = [
    path("telemetry/", series.series_list, name="series-list"),
    path("telemetry/series/<uuid:pk>/", series.series_detail, name="series-detail"),
    path("telemetry/held-back/", held_back.held_back_list, name="held-back"),
    path("telemetry/held-back/<int:pk>/", held_back.map_dialog, name="map"),
    re_path(r"^api/v1/readings/?$", write.readings, name="readings"),
    path("api/v2/write", write.influx_write, name="influx-write"),
]
