from telemetry.models.archive import ReadingArchive
from telemetry.models.held_back import HeldBackReading, HeldBackSeries
from telemetry.models.intake import Intake
from telemetry.models.series import Series
from telemetry.models.sources import DataSource, DeviceKey

__all__ = ["DataSource", "DeviceKey", "HeldBackReading", "HeldBackSeries", "Intake", "ReadingArchive", "Series"]
