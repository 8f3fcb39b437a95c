"""Query parameters that several lists share. A value that means nothing is refused with what would."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field


class KnownValuesField(forms.CharField):
    """One or several known words, separated by commas, in upper or lower case (X-32)."""

    default_error_messages = {"unknown": _("Unknown: %(unknown)s. Known: %(known)s.")}

    def __init__(self, *args: Any, known: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = list(known)

    def clean(self, value: Any) -> list[str]:
        words = [word.strip().lower() for word in (super().clean(value) or "").split(",") if word.strip()]
        if unknown := [word for word in words if word not in self.known]:
            raise forms.ValidationError(
                self.error_messages["unknown"] % {"unknown": ", ".join(unknown), "known": ", ".join(self.known)}
            )
        return words


@extend_schema_field(OpenApiTypes.STR)
class KnownValuesFilter(filters.Filter):
    field_class = KnownValuesField

    def __init__(self, *args: Any, known: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, lookup_expr="in", known=known, **kwargs)


class MomentField(IsoDateTimeField):
    default_error_messages = {
        "naive": _("A time needs its zone, e.g. 2026-01-31T08:00:00+09:00."),
        "invalid": _("Give a date, time and zone, e.g. 2026-01-31T08:00:00+09:00 (in an address, + is written %2B)."),
    }

    def to_python(self, value: Any) -> dt.datetime | None:
        if not value:
            return None
        try:
            moment = parse_datetime(str(value))
        except ValueError:
            moment = None
        if moment is None:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        if timezone.is_naive(moment):
            raise forms.ValidationError(self.error_messages["naive"], code="naive")
        return moment


class MomentFilter(filters.IsoDateTimeFilter):
    field_class = MomentField
