from inventory.api.views import ProductViewSet

ROUTES = [("products", ProductViewSet, "product")]
