"""The shape of one check: which piece, where, and a value per characteristic."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.context import uuid7
from audit.errors import DomainError, InvalidInput
from mfg_project.common.formats import exact
from quality.models import Characteristic, QualityCheck
from quality.services.checks import MeasuredValue

DEFAULT_TEST = "dimensional"


class CheckForm(forms.Form):
    piece = forms.CharField(label=_("Piece"), max_length=50)
    place = forms.CharField(
        label=_("Place"), max_length=50, required=False, widget=forms.TextInput(attrs={"list": "places"})
    )
    test_type = forms.CharField(label=_("Test"), max_length=50, initial=DEFAULT_TEST)
    comment = forms.CharField(label=_("Comment"), max_length=500, required=False)
    client_token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, characteristics: list[Characteristic], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.characteristics = characteristics
        self.initial.setdefault("client_token", uuid7())
        for name in ("piece", "place", "test_type", "comment"):
            self.fields[name].widget.attrs["autocomplete"] = "off"
        for characteristic in characteristics:
            self.fields[field_name(characteristic)] = _value_field(characteristic)

    def value_fields(self) -> Iterator[tuple[Characteristic, forms.BoundField]]:
        for characteristic in self.characteristics:
            yield characteristic, self[field_name(characteristic)]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        has_wrong_value = any(name.startswith("value-") for name in self.errors)
        if not self.measured() and not has_wrong_value:
            self.add_error(None, _("Enter at least one value."))
        return values

    def measured(self) -> list[MeasuredValue]:
        """What was filled in; an empty field is not measured, and not zero."""
        return [
            MeasuredValue(characteristic_id=characteristic.pk, value=value)
            for characteristic in self.characteristics
            if (value := self.cleaned_data.get(field_name(characteristic))) is not None
        ]

    def add_refusal(self, refused: DomainError) -> None:
        self.add_error(None, str(refused))
        by_code = {c.code: field_name(c) for c in self.characteristics}
        for name, message in (refused.fields if isinstance(refused, InvalidInput) else {}).items():
            name = by_code.get(name, name)
            if name in self.fields:
                self.add_error(name, str(message))


def field_name(characteristic: Characteristic) -> str:
    return f"value-{characteristic.pk}"


def next_piece(check: QualityCheck) -> str:
    """Piece 7 is followed by piece 8; a name that does not end in a number is not guessed."""
    match = re.fullmatch(r"(.*?)(\d{1,9})", check.piece)
    if not match:
        return ""
    head, digits = match.groups()
    return f"{head}{int(digits) + 1:0{len(digits)}d}"


def limits_text(characteristic: Characteristic) -> str:
    """The specification as one reads it aloud: 9.9 – 10.1 mm, at most 0.02 mm."""
    lower, upper, unit = characteristic.lower_limit, characteristic.upper_limit, characteristic.unit
    if lower is not None and upper is not None:
        return f"{exact(lower)} – {exact(upper)} {unit}"
    if upper is not None:
        return _("at most %(limit)s %(unit)s") % {"limit": exact(upper), "unit": unit}
    if lower is not None:
        return _("at least %(limit)s %(unit)s") % {"limit": exact(lower), "unit": unit}
    return str(_("no limits"))


def _value_field(characteristic: Characteristic) -> forms.DecimalField:
    limits: dict[str, Decimal | None] = {
        "data-lower": characteristic.lower_limit,
        "data-upper": characteristic.upper_limit,
    }
    attrs = {name: f"{limit:f}" for name, limit in limits.items() if limit is not None}
    return forms.DecimalField(
        label=characteristic.name,
        required=False,
        help_text=limits_text(characteristic),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "data-value": "", **attrs}),
    )
