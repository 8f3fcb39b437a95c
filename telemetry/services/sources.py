"""Data sources, the keys of their devices, and their series."""

import datetime as dt
import secrets
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from audit import records
from audit.context import require
from audit.errors import NotFound
from audit.journal import change
from equipment.models import Equipment
from equipment.scope import require_line
from telemetry.models import DataSource, DeviceKey, Series
from telemetry.models.sources import KEY_PREFIX


def create_source(*, code: str, name: str, **fields: Any) -> DataSource:
    require("telemetry.add_datasource")
    with change("create_data_source"):
        return records.create(DataSource(code=code, name=name, **fields))


def issue_key(*, source_id: UUID, label: str, expires_at: dt.datetime | None = None) -> tuple[DeviceKey, str]:
    """A new key of the source and its text, which is nowhere kept: it is shown once."""
    require("telemetry.add_devicekey")
    source = DataSource.objects.filter(pk=source_id).first()
    if source is None:
        raise NotFound(_("This data source does not exist."))
    text = secrets.token_urlsafe(32)
    with change("issue_device_key"):
        key = DeviceKey(source=source, label=label, expires_at=expires_at, prefix=text[:KEY_PREFIX])
        key.sha256 = sha256(text.encode()).hexdigest()
        return records.create(key), text


def create_series(*, equipment_id: UUID, source_id: UUID, source_key: str, **fields: Any) -> Series:
    """A series of a machine; raises InvalidInput or Conflict when the source has one of that name."""
    require("telemetry.add_series")
    equipment = Equipment.objects.filter(pk=equipment_id).first()
    if equipment is None:
        raise NotFound(_("This equipment does not exist."))
    require_line(equipment.line_id)
    with change("create_series"):
        return records.create(Series(equipment=equipment, source_id=source_id, source_key=source_key, **fields))
