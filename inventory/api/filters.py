from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters

from inventory.models import Material


class ProductFilter(filters.FilterSet):
    q = filters.CharFilter(method="search", label=_("Part of the code or name"))
    product_code = filters.CharFilter()
    product_type = filters.CharFilter()
    is_active = filters.BooleanFilter()

    class Meta:
        model = Material
        fields: tuple[str, ...] = ()

    def search(self, products: QuerySet[Material], _name: str, text: str) -> QuerySet[Material]:
        return products.filter(Q(product_code__icontains=text) | Q(product_name__icontains=text))
