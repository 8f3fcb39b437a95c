from equipment.api import views

ROUTES = [
    ("sites", views.SiteViewSet, "site"),
    ("areas", views.AreaViewSet, "area"),
    ("lines", views.LineViewSet, "line"),
    ("equipment", views.EquipmentViewSet, "equipment"),
    ("reasons", views.ReasonViewSet, "reason"),
    ("line-states", views.LineStateViewSet, "line-state"),
]
