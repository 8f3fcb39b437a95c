from collections.abc import Callable
from typing import Any

from django.contrib import admin

from mfg_project.common.formats import number


def quantity(name: str, label: Any) -> Callable[..., str]:
    """A column of the admin that shows a number without the zeros of its storage: 10, not 10.0000."""

    @admin.display(description=label, ordering=name)
    def shown(_model_admin: Any, obj: Any) -> str:
        return number(getattr(obj, name))

    return shown
