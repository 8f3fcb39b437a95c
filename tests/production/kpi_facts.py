"""Facts for key figure tests, placed at exact moments of the past through the backfill services."""

import datetime as dt
import itertools
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from equipment.enums import StateSource
from equipment.models import LineStateInterval
from equipment.services.line_states import record_past_states
from production.models import ScheduledShift
from production.services.backfill import PastJob, PastReport, record_past_order
from tests import factories

TOKYO = ZoneInfo("Asia/Tokyo")
DAY = timezone.now().date() - dt.timedelta(days=20)  # well inside the 90 days of the view
_serial = itertools.count(1)


def at(clock: str, *, day: dt.date = DAY, zone: dt.tzinfo = TOKYO) -> dt.datetime:
    """The moment of a clock time; "30:00" is 6 o'clock of the next morning."""
    hours, minutes = map(int, clock.split(":"))
    return dt.datetime.combine(day + dt.timedelta(days=hours // 24), dt.time(hours % 24, minutes), tzinfo=zone)


def states(line, *spans: tuple[str, str, str], reason=None, day: dt.date = DAY, zone: dt.tzinfo = TOKYO) -> None:
    """`states(line, ("08:00", "09:00", "running"))`; the reason goes to the stopped and idle ones."""
    intervals = [
        LineStateInterval(
            state=state,
            started_at=at(start, day=day, zone=zone),
            ended_at=at(end, day=day, zone=zone),
            reason=reason if state in ("stopped", "idle") else None,
        )
        for start, end, state in spans
    ]
    record_past_states(line_id=line.pk, intervals=intervals, source=StateSource.MACHINE)


def planned(line, start: str, end: str, *, day: dt.date = DAY, zone: dt.tzinfo = TOKYO, cancelled: bool = False):
    shift = factories.shift(name=f"Shift {next(_serial)}")
    with factories.arranging():
        return ScheduledShift.objects.create(
            line=line,
            shift=shift,
            production_date=day,
            starts_at=at(start, day=day, zone=zone),
            ends_at=at(end, day=day, zone=zone),
            is_cancelled=cancelled,
        )


def counted(plant, *reports: tuple, run_time: str = "30", scheduled_end: dt.datetime | None = None, line=None):
    """An order of one operation with reports (moment, good, scrap, rework)."""
    line = line or plant.line
    moments = [report[0] for report in reports]
    return record_past_order(
        work_order_number=f"WO-KPI-{next(_serial)}",
        product_id=plant.product.pk,
        production_line_id=line.pk,
        planned_quantity=Decimal(1000),
        scheduled_start=min(moments) - dt.timedelta(hours=1),
        scheduled_end=scheduled_end or max(moments) + dt.timedelta(hours=1),
        jobs=[
            PastJob(
                sequence=10,
                operation_name="Turn",
                run_time_seconds=Decimal(run_time),
                setup_time_seconds=Decimal(0),
                line_id=line.pk,
                started_at=min(moments),
                ended_at=max(moments),
                reports=[
                    PastReport(at=moment, **dict(zip(("good", "scrap", "rework"), map(Decimal, amounts), strict=False)))
                    for moment, *amounts in reports
                ],
            )
        ],
    )


def time_sums(line, start: dt.datetime, end: dt.datetime) -> dict[str, float | None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM production_time_sums(%s, %s, %s)", [line.pk, start, end])
        return dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))


def day_sums(line, day: dt.date = DAY) -> dict[str, float | None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT production_day_begin(%(d)s), production_day_begin(%(d)s + 1)", {"d": day})
        return time_sums(line, *cursor.fetchone())


def hours(count: float) -> float:
    return count * 3600
