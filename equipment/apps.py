from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_save
from django.utils.translation import gettext_lazy as _


class EquipmentConfig(AppConfig):
    name = "equipment"
    verbose_name = _("Equipment")

    def ready(self) -> None:
        from audit import access, plant_clock
        from equipment import scope
        from equipment.models import Site
        from equipment.queries.site import plant_of, read_plant
        from mfg_project.common import plant

        def site_changed(instance: Site, **_kwargs: Any) -> None:
            plant.remember(plant_of(instance))

        access.provide(scope)
        plant.provide(read_plant)
        plant_clock.provide(lambda: plant.current_plant().tz)
        post_save.connect(site_changed, sender=Site, weak=False, dispatch_uid="plant")
