from quality.api.views import CharacteristicViewSet, QualityCheckViewSet

ROUTES = [
    ("characteristics", CharacteristicViewSet, "characteristic"),
    ("quality-checks", QualityCheckViewSet, "quality-check"),
]
