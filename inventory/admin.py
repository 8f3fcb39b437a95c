from django.contrib import admin

from audit.admin_base import AuditedAdmin
from inventory.models import Material


@admin.register(Material)
class MaterialAdmin(AuditedAdmin):
    list_display = (
        "product_code",
        "product_name",
        "product_type",
        "product_version",
        "uom",
        "standard_cycle_time",
        "target_yield_rate",
        "is_active",
    )
    list_filter = ("product_type", "is_active")
    search_fields = ("product_code", "product_name")
    ordering = ("product_code",)
    fields = (
        "product_code",
        "product_name",
        "product_type",
        "product_version",
        "uom",
        "is_active",
        "standard_cycle_time",
        "target_yield_rate",
        "overproduction_tolerance",
    )
