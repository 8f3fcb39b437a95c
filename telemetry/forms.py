from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from equipment.models import Equipment
from equipment.scope import visible
from telemetry.models import Series


class MapForm(forms.ModelForm):
    """What a name of a source stands for."""

    class Meta:
        model = Series
        fields = ("equipment", "sensor_type", "name", "unit", "expected_interval", "minimum", "maximum")
        labels = {"equipment": _("Machine")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["equipment"]
        chosen.queryset = visible(Equipment.objects.filter(is_active=True)).order_by("code")  # type: ignore[attr-defined]  # a choice

    def validate_unique(self) -> None:
        """The database decides, and the service says it."""

    def validate_constraints(self) -> None:
        """The same."""
