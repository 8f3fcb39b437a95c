"""Shapes of what people enter about orders. The rules themselves live in the services and the database."""

import datetime as dt
import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.errors import DomainError, InvalidInput
from audit.signatures import Meaning
from equipment.models import ProductionLine
from equipment.scope import visible
from inventory.models import Material
from production.enums import Priority
from production.models import Batch, WorkOrder
from production.transitions import RELEASE

# Names a service gives a culprit, and the field of the form that shows it.
FIELD_OF = {"product_id": "product", "production_line_id": "production_line", "batch_id": "batch"}


def add_refusal(form: forms.Form, refused: DomainError) -> None:
    """Show a service's refusal where the person looks: beside the field, and in one sentence above."""
    fields = refused.fields if isinstance(refused, InvalidInput) else {}
    form.add_error(None, str(refused))
    for name, message in fields.items():
        name = FIELD_OF.get(name, name)
        if name in form.fields:
            form.add_error(name, str(message))


class PlantDateTimeField(forms.DateTimeField):
    """A moment in plant time (the time zone the request runs in), entered with the browser's own picker."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M")

    def has_changed(self, initial: Any, data: Any) -> bool:
        """The picker knows minutes; an untouched 08:00:12 stays 08:00:12."""
        if not isinstance(initial, dt.datetime):
            return super().has_changed(initial, data)
        return f"{timezone.localtime(initial):%Y-%m-%dT%H:%M}" != str(data or "")[:16]


class JsonField(forms.CharField):
    """JSON as text: kept as typed when it is wrong, and only what the database can hold."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "mono"})

    def prepare_value(self, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            parsed = json.loads(text, parse_constant=_no_constant)
        except ValueError as wrong:
            raise ValidationError(_("This is not valid JSON, e.g. {“speed”: 120}.")) from wrong
        if not isinstance(parsed, dict | list):
            raise ValidationError(_("Enter an object or a list, e.g. {“speed”: 120}."))
        if "\\u0000" in json.dumps(parsed):
            raise ValidationError(_("The NUL character cannot be stored."))
        return parsed

    def validate(self, value: Any) -> None:
        if self.required and value is None:
            raise ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """The validators of text do not apply to what was parsed."""


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


class WorkOrderForm(forms.Form):
    """Everything about an order that a person may set. `order` is None for a new one."""

    work_order_number = forms.CharField(label=_("Number"), max_length=50, help_text=_("Starts with WO."))
    product = forms.ModelChoiceField(
        queryset=Material.objects.filter(is_active=True).order_by("product_code"),
        label=_("Product"),
        empty_label=_("Choose a product"),
    )
    planned_quantity = forms.DecimalField(label=_("Planned quantity"), max_digits=12, decimal_places=4)
    priority = forms.TypedChoiceField(label=_("Priority"), coerce=int, initial=Priority.NORMAL)
    scheduled_start = PlantDateTimeField(label=_("Scheduled start"))
    scheduled_end = PlantDateTimeField(label=_("Scheduled end"))
    production_line = forms.ModelChoiceField(
        queryset=ProductionLine.objects.filter(is_active=True).order_by("line_code"),
        label=_("Line"),
        required=False,
        help_text=_("Needed before the release."),
        empty_label=_("None yet"),
    )
    batch = forms.ModelChoiceField(
        queryset=Batch.objects.order_by("-created_at"), label=_("Batch"), required=False, empty_label=_("None")
    )
    special_instructions = forms.CharField(
        label=_("Special instructions"), required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )
    manufacturing_parameters = JsonField(label=_("Manufacturing parameters"), required=False, help_text=_("JSON"))
    quality_requirements = JsonField(label=_("Quality requirements"), required=False, help_text=_("JSON"))
    reason = forms.CharField(label=_("Reason for the change"), max_length=500, help_text=_("Kept in the history."))
    version = forms.IntegerField(widget=forms.HiddenInput)  # what the person saw; another one now is a conflict

    def __init__(self, *args: Any, order: WorkOrder | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order = order
        for name in ("production_line", "batch"):
            self.fields[name].queryset = visible(self.fields[name].queryset)  # type: ignore[attr-defined]
        self.fields["priority"].choices = _priorities()  # type: ignore[attr-defined]
        self.fields["planned_quantity"].widget.attrs |= {"inputmode": "decimal", "step": "any", "min": "0"}
        if order is None:
            del self.fields["reason"], self.fields["version"]
        else:
            del self.fields["work_order_number"], self.fields["product"]  # what identifies an order never changes

    def values(self) -> dict[str, Any]:
        """The cleaned values under the names the service knows, without form-only fields."""
        values = {}
        for name, value in self.cleaned_data.items():
            if name in ("product", "production_line", "batch"):
                values[f"{name}_id"] = value and value.pk
            elif name not in ("reason", "version"):
                values[name] = value or None if name == "special_instructions" else value
        return values

    def changes(self) -> dict[str, Any]:
        """Only what the person touched."""
        touched = {f"{name}_id" if name in ("production_line", "batch") else name for name in self.changed_data}
        return {name: value for name, value in self.values().items() if name in touched}


def values_of(order: WorkOrder) -> dict[str, Any]:
    """What the form shows of an existing order."""
    names = ("priority", "manufacturing_parameters", "quality_requirements", "special_instructions", "version")
    return {name: getattr(order, name) for name in names} | {
        "planned_quantity": f"{order.planned_quantity.normalize():f}",
        "scheduled_start": order.scheduled_start,
        "scheduled_end": order.scheduled_end,
        "production_line": order.production_line_id,
        "batch": order.batch_id,
    }


def next_shift_hours(now: dt.datetime) -> dict[str, Any]:
    """A sensible start: the next full hour, eight hours long."""
    start = timezone.localtime(now).replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=1)
    return {"scheduled_start": start, "scheduled_end": start + dt.timedelta(hours=8)}


class ReasonForm(forms.Form):
    """Why an order is held or cancelled."""

    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3, "autofocus": True})
    )


class SignReleaseForm(forms.Form):
    """The signature of a release. `digest` names the content the signer has read."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    meaning = forms.ChoiceField(
        label=_("Meaning of the signature"),
        choices=[(meaning, Meaning(meaning).label) for meaning in RELEASE.meanings],
        widget=forms.RadioSelect,
        initial=Meaning.RELEASED,
    )
    comment = forms.CharField(label=_("Comment"), max_length=500, required=False)
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


def _priorities() -> list[tuple[int, str]]:
    names = {int(priority): priority.label for priority in Priority}
    return [(n, f"{n} · {names[n]}" if n in names else str(n)) for n in range(1, 11)]
