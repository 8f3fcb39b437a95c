"""Serializer fields that refuse what the database or a later reader could not stand."""

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

MAX_JSON_DEPTH = 20
EARLIEST_YEAR, LATEST_YEAR = 1970, 2200


class ZonedDateTimeField(serializers.DateTimeField):
    """A moment. Without a zone it could be any of 38 moments, so it is refused. Shown in UTC."""

    default_error_messages = {
        "naive": _("A time needs its zone, e.g. 2026-01-31T08:00:00+09:00."),
        "invalid": _("Give a date, time and zone, e.g. 2026-01-31T08:00:00+09:00."),
        "overflow": _("The year must lie between {first} and {last}."),
    }

    def default_timezone(self) -> dt.tzinfo:
        return dt.UTC

    def enforce_timezone(self, value: dt.datetime) -> dt.datetime:
        if timezone.is_naive(value):
            self.fail("naive")
        if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
            self.fail("overflow", first=EARLIEST_YEAR, last=LATEST_YEAR)
        return super().enforce_timezone(value)


class StorableJSONField(serializers.JSONField):
    """Any JSON a `jsonb` column and a signature's canonical form can hold."""

    default_error_messages = {
        "unstorable": _("Text must not contain NUL or broken characters."),
        "deep": _("At most {depth} levels of nesting."),
    }

    def to_internal_value(self, data: Any) -> Any:
        level, depth = [data], 0
        while level := [inner for value in level for inner in self._inner(value)]:
            depth += 1
            if depth > MAX_JSON_DEPTH:
                self.fail("deep", depth=MAX_JSON_DEPTH)
        return super().to_internal_value(data)

    def _inner(self, value: Any) -> list[Any]:
        if isinstance(value, str) and ("\x00" in value or any("\ud800" <= c <= "\udfff" for c in value)):
            self.fail("unstorable")
        if isinstance(value, dict):
            return [*value.keys(), *value.values()]
        return list(value) if isinstance(value, list) else []


class KeyField(serializers.UUIDField):
    """The key of a record, as text: a number is another system's key, not a short form of ours."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str | UUID):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class CountField(serializers.Field):
    """A quantity as a plain JSON number, for clients that count in pieces (X-34)."""

    def to_representation(self, value: Decimal) -> int | float:
        return int(value) if value == value.to_integral_value() else float(value)


class ExactDecimalField(serializers.DecimalField):
    """A decimal sent as text; its scale is the column's, or the value's own where the column has none."""

    def __init__(self, max_digits: int | None = None, decimal_places: int | None = None, **kwargs: Any) -> None:
        super().__init__(max_digits=max_digits, decimal_places=decimal_places, **kwargs)


class RecordSerializer(serializers.ModelSerializer):
    """Output only. What comes in has a plain serializer and goes to a service."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        models.DecimalField: ExactDecimalField
    }

    def get_extra_kwargs(self) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_extra_kwargs()
        for name in self.Meta.fields:
            kwargs.setdefault(name, {})["read_only"] = True
        return kwargs


class Input(serializers.Serializer):
    """A request body. A name nobody knows is refused: a misspelt field must not look accepted."""

    ignored: frozenset[str] = frozenset()  # what a client may send back as it received it

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) - self.ignored
        if unknown:
            raise serializers.ValidationError({str(name): [_("Unknown or read-only field.")] for name in unknown})
        return super().to_internal_value(data)
