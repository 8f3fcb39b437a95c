"""Where the months are that left the journal, for readers of the trail."""

import datetime as dt
from dataclasses import dataclass

from audit.models import JournalArchive, JournalMonth, MonthStep

NAMED = 3  # files; of more the first and the last are named


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is older than `before` is in these files."""

    before: dt.date
    count: int
    names: list[str]


def older_entries() -> Elsewhere | None:
    """None while every month is in the journal. Months leave it oldest first."""
    months = list(
        JournalMonth.objects.filter(step=MonthStep.DETACHED).order_by("month").values_list("month", flat=True)
    )
    if not months:
        return None
    rows = JournalArchive.objects.filter(month__in=months).order_by("month", "epoch", "-id")
    names = list(rows.distinct("month", "epoch").values_list("name", flat=True))
    before = (months[-1] + dt.timedelta(days=32)).replace(day=1)
    return Elsewhere(before, len(names), names if len(names) <= NAMED else [names[0], "…", names[-1]])
