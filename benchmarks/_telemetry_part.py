"""Runs inside Django: series to write to, and what Django's own bulk_create stores a second. Prints JSON."""

import datetime as dt
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django

django.setup()

from django.db import connection, models  # noqa: E402

from accounts.services.users import installing  # noqa: E402
from audit import records  # noqa: E402
from equipment.models import Area, Equipment, ProductionLine, Site  # noqa: E402
from telemetry.models import DataSource, Series  # noqa: E402
from telemetry.services.sources import issue_key  # noqa: E402

BULK, BATCH = 200_000, 1000


def set_up(series: int) -> dict[str, Any]:
    from accounts.models import User
    from audit.context import act_as

    with installing("set_up_benchmark"):
        user = User.objects.create_superuser("bench", password="bench-password-1234", printed_name="Bench")
    with act_as(user, source="benchmark"):
        site = records.create(Site(code="B", name="Bench", time_zone="UTC"))
        area = records.create(Area(site=site, code="B", name="Bench"))
        line = records.create(ProductionLine(area=area, line_code="B", line_name="Bench"))
        machine = records.create(Equipment(line=line, code="B", name="Bench"))
        source = records.create(DataSource(code="bench", name="Bench", points_per_second=10_000_000))
        records.create_many(
            [
                Series(
                    equipment=machine,
                    source=source,
                    source_key=f"bench,m=M{n // 10} s{n}",
                    sensor_type="bench",
                    name=f"S{n}",
                    minimum=0,
                    maximum=10_000,
                )
                for n in range(series)
            ]
        )
        return {"key": issue_key(source_id=source.pk, label="bench")[1]}


class Reading(models.Model):
    """The same rows, as Django would store them."""

    pk = models.CompositePrimaryKey("series", "time")
    time = models.DateTimeField()
    value = models.FloatField()
    series = models.IntegerField()
    quality = models.SmallIntegerField()

    class Meta:
        app_label = "telemetry"
        db_table = "telemetry_reading"
        managed = False

    def __str__(self) -> str:
        return f"{self.series} {self.time}"


def bulk_create() -> dict[str, Any]:
    begun_at = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT telemetry_make_day(%s)", [begun_at.date()])
    numbers = list(Series.objects.values_list("number", flat=True))
    begun = time.perf_counter()
    for first in range(0, BULK, BATCH):
        Reading.objects.bulk_create(
            [
                Reading(
                    series=numbers[n % len(numbers)], time=begun_at + dt.timedelta(microseconds=n), value=n, quality=0
                )
                for n in range(first, first + BATCH)
            ],
            ignore_conflicts=True,
        )
    return {"a_second": BULK / (time.perf_counter() - begun)}


if __name__ == "__main__":
    print(json.dumps(set_up(int(sys.argv[2])) if sys.argv[1] == "set_up" else bulk_create()))
