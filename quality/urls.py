from django.urls import path

from quality.views import characteristics, checks, due

app_name = "quality"

urlpatterns = [
    path("", characteristics.characteristic_list, name="characteristic-list"),
    path("characteristics/<uuid:pk>/", characteristics.characteristic_detail, name="characteristic-detail"),
    path("checks/", checks.check_list, name="check-list"),
    path("checks/new/", checks.check_create, name="check-create"),
    path("checks/due/", due.due_checks, name="due-checks"),
    path("orders/<uuid:pk>/checks/", checks.order_checks, name="order-checks"),
    path("pass-rate/", checks.pass_rate_panel, name="pass-rate-panel"),
]
