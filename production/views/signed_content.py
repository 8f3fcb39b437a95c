"""The content a signature covers, as people read it. Works on the canonical form, so it shows what was hashed."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mfg_project.common.formats import UNKNOWN, both_zones, number

LABELS = {
    "work_order_number": gettext_lazy("Number"),
    "product_code": gettext_lazy("Product code"),
    "product_version": gettext_lazy("Product version"),
    "batch_number": gettext_lazy("Batch"),
    "production_line": gettext_lazy("Line"),
    "planned_quantity": gettext_lazy("Planned quantity"),
    "uom": gettext_lazy("Unit"),
    "priority": gettext_lazy("Priority"),
    "scheduled_start": gettext_lazy("Scheduled start"),
    "scheduled_end": gettext_lazy("Scheduled end"),
    "manufacturing_parameters": gettext_lazy("Manufacturing parameters"),
    "quality_requirements": gettext_lazy("Quality requirements"),
    "special_instructions": gettext_lazy("Special instructions"),
}


@dataclass(frozen=True, slots=True)
class ContentRow:
    key: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class ContentChange:
    label: str
    signed: str
    now: str


def content_rows(content: dict[str, Any]) -> list[ContentRow]:
    """Every value of the content, none left out; nested values become rows of their own."""
    return [row for key, value in content.items() for row in _rows(key, value)]


def content_changes(signed: dict[str, Any], now: dict[str, Any]) -> list[ContentChange]:
    """What a person must know when the digest no longer matches: value as signed, value now."""
    before = {row.key: row for row in content_rows(signed)}
    after = {row.key: row for row in content_rows(now)}
    changes = [
        ContentChange(
            (after.get(key) or before[key]).label,
            before[key].text if key in before else UNKNOWN,
            after[key].text if key in after else UNKNOWN,
        )
        for key in [*after, *(key for key in before if key not in after)]
        if before.get(key) != after.get(key)
    ]
    return changes or [  # a difference too fine for the readable form is shown as it was hashed
        ContentChange(str(LABELS.get(key, key)), str(signed.get(key)), str(now.get(key)))
        for key in {**now, **signed}
        if signed.get(key) != now.get(key)
    ]


def readable(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """JSON as lines of path and value: {"feed": {"rate": 200}} is ("feed › rate", "200")."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from readable(item, (*path, str(key)))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for n, item in enumerate(value, 1):
            yield from readable(item, (*path, str(n)))
    else:
        yield " › ".join(path), _plain_text(value)


def _plain_text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return UNKNOWN
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(_plain_text(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _rows(key: str, value: Any) -> Iterator[ContentRow]:
    label = str(LABELS.get(key, key))
    if key == "operations":
        for operation in value or []:
            yield _operation_row(operation)
    elif isinstance(value, dict | list) and value:
        for path, text in readable(value):
            yield ContentRow(f"{key}/{path}", f"{label} › {path}" if path else label, text)
    else:
        yield ContentRow(key, label, _text(key, value))


def _operation_row(operation: dict[str, Any]) -> ContentRow:
    text = _("%(name)s · %(run)s s a piece · setup %(setup)s s") % {
        "name": operation["name"],
        "run": number(Decimal(operation["run_time_seconds"])),
        "setup": number(Decimal(operation["setup_time_seconds"])),
    }
    return ContentRow(
        f"operation/{operation['sequence']}", _("Operation %(sequence)s") % {"sequence": operation["sequence"]}, text
    )


def _text(key: str, value: Any) -> str:
    if value is None or value == "":
        return UNKNOWN
    if key.startswith("scheduled_") and (moment := parse_datetime(value)):
        return both_zones(moment.astimezone(dt.UTC))
    if key == "planned_quantity":
        return number(Decimal(value))
    return str(value)
