from decimal import Decimal
from typing import Any

from django.core import checks
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_DIGITS = 30


def validate_exact(value: Decimal) -> None:
    if not value.is_finite() or len(value.as_tuple().digits) > MAX_DIGITS or abs(value) >= Decimal(10) ** 15:
        raise ValidationError(_("Enter a number with at most 30 digits."))


class ExactDecimalField(models.DecimalField):
    """PostgreSQL `numeric` without a fixed scale: "1.50" stays 1.50, the resolution is part of a measurement."""

    default_validators = [validate_exact]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = kwargs["decimal_places"] = None
        super().__init__(*args, **kwargs)

    def db_type(self, connection: Any) -> str:
        return "numeric"

    def _check_decimal_places(self) -> list[checks.CheckMessage]:
        return []

    def _check_max_digits(self) -> list[checks.CheckMessage]:
        return []

    def _check_decimal_places_and_max_digits(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return []
