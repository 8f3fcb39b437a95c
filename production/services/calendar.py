import datetime as dt

from django.utils.translation import gettext as _

from audit.context import require
from audit.errors import NotFound
from audit.journal import change
from equipment.models import ProductionLine
from equipment.queries.site import plant_time_zone
from equipment.scope import require_line
from production.models import ScheduledShift, Shift


def plan_shifts(*, first: dt.date, last: dt.date) -> int:
    """Lay out the active shift patterns as planned time of each line, `first` to `last` inclusive.

    Safe to run again: a day that is planned already, or was cancelled, stays as it is. Returns the rows added.
    """
    zone = plant_time_zone()
    lines = list(ProductionLine.objects.filter(is_active=True))
    days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    rows = [
        _scheduled(shift, line, day, zone)
        for shift in Shift.objects.filter(is_active=True)
        for line in lines
        if shift.line_id in (None, line.pk)
        for day in days
        if day.isoweekday() in shift.weekdays
    ]
    with change("plan_shifts"):
        before = ScheduledShift.objects.count()
        ScheduledShift.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)
        return ScheduledShift.objects.count() - before


def cancel_shift(*, scheduled_shift_id: int, cancelled: bool = True) -> ScheduledShift:
    """Take a planned shift out of the calendar (a holiday), or put it back. The row stays: it is not planned anew."""
    require("production.change_scheduledshift")
    with change("cancel_shift"):
        shift = ScheduledShift.objects.select_for_update().filter(pk=scheduled_shift_id).first()
        if shift is None:
            raise NotFound(_("This shift is not planned."))
        require_line(shift.line_id)
        shift.is_cancelled = cancelled
        shift.save(update_fields=["is_cancelled"])
    return shift


def _scheduled(shift: Shift, line: ProductionLine, day: dt.date, zone: dt.tzinfo) -> ScheduledShift:
    end_day = day if shift.end_time > shift.start_time else day + dt.timedelta(days=1)
    return ScheduledShift(
        line=line,
        shift=shift,
        production_date=day,
        starts_at=dt.datetime.combine(day, shift.start_time, tzinfo=zone),
        ends_at=dt.datetime.combine(end_day, shift.end_time, tzinfo=zone),
    )
