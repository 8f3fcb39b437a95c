"""A person says what a name stands for, and what was held back of it becomes readings."""

from math import nan
from uuid import UUID

from django.utils.translation import gettext as _

from audit.context import require
from audit.errors import Conflict, NotFound
from audit.journal import change
from telemetry.enums import HeldBack
from telemetry.models import HeldBackReading, HeldBackSeries, Series
from telemetry.points import Sent
from telemetry.services.ingest import HISTORY, Taken, take
from telemetry.services.sources import create_series

AT_ONCE = 10_000


def map_name(*, held_back_id: int, equipment_id: UUID, **fields: str | float | None) -> tuple[Series, Taken]:
    """Make the series that a held back name stands for, and store its readings there.

    Those of an impossible time are held back again, as such. Raises NotFound, Conflict or InvalidInput.
    """
    require("telemetry.map_series")
    with change("map_series"):
        held = HeldBackSeries.objects.select_for_update().filter(pk=held_back_id).first()
        if held is None:
            raise NotFound(_("Nothing is held back under this name any more."))
        if held.reason != HeldBack.UNKNOWN:
            raise Conflict(_("Only a name without a series becomes one."))
        series = create_series(
            equipment_id=equipment_id, source_id=held.source_id, source_key=held.source_key, **fields
        )
        taken = _move(held)
        held.delete()
    return series, taken


def _move(held: HeldBackSeries) -> Taken:
    """Through the one door of readings: marked, counted and kept from repeating as any other."""
    taken = Taken()
    while rows := list(held.readings_held.order_by("pk")[:AT_ONCE]):
        sent = Sent(
            [held.source_key] * len(rows),
            [_us(row) for row in rows],
            [nan if row.value is None else row.value for row in rows],
            [row.quality for row in rows],
        )
        taken += take(lambda known: known.sources.get(held.source_id), sent, window=HISTORY)
        HeldBackReading.objects.filter(series=held, pk__lte=rows[-1].pk).delete()
    return taken


def _us(row: HeldBackReading) -> int:
    """No moment could be read from one that is too far off; it stays as far off."""
    return int(row.sent_at.timestamp() * 1_000_000) if row.sent_at else 2**62
