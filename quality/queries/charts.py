"""Measured values of characteristics, each place apart: two laboratories are two series, never silently one."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, QuerySet

from equipment.scope import lines_in_scope, visible
from inventory.models import Material
from quality.models import Characteristic, Measurement, QualityCheck
from quality.spc import Capability, IndividualsChart, capability, individuals_chart

LAST_VALUES = """
    SELECT m.characteristic_id, c.place, c.performed_at, m.id, m.value, m.verdict
    FROM unnest(%s::uuid[]) AS wanted (id),
         LATERAL (SELECT * FROM quality_measurement m WHERE m.characteristic_id = wanted.id {only}
                  ORDER BY m.id DESC LIMIT %s) m
    JOIN quality_checks c ON c.id = m.check_record_id
    ORDER BY m.characteristic_id, c.place, c.performed_at, m.id
"""
OVERVIEW_VALUES = 100


@dataclass(frozen=True, slots=True)
class Place:
    name: str
    values: int
    last_at: dt.datetime


@dataclass(slots=True)
class Series:
    """The last values of one characteristic at one place, oldest first."""

    place: str
    values: list[Decimal] = field(default_factory=list)
    last_at: dt.datetime | None = None
    last_verdict: str | None = None
    fails: int = 0

    def add(self, value: Decimal, at: dt.datetime, verdict: str | None) -> None:
        self.values.append(value)
        self.last_at, self.last_verdict = at, verdict
        self.fails += verdict == "fail"


def characteristics(*, product_id: UUID | None = None, search: str = "") -> QuerySet[Characteristic]:
    rows = Characteristic.objects.filter(is_active=True).select_related("product")
    if product_id:
        rows = rows.filter(product_id=product_id)
    if search:
        rows = rows.filter(name__icontains=search) | rows.filter(code__icontains=search)
    return rows.order_by("product__product_code", "operation_sequence", "code")


def measured_products() -> list[Material]:
    return list(Material.objects.filter(characteristics__is_active=True).distinct().order_by("product_code"))


def last_series(characteristic_ids: Iterable[UUID], *, at_most: int = OVERVIEW_VALUES) -> dict[UUID, list[Series]]:
    """The last `at_most` values of each characteristic, split by place; one index scan per characteristic."""
    found: dict[UUID, list[Series]] = {}
    only, params = _only_visible()
    with connection.cursor() as cursor:
        cursor.execute(LAST_VALUES.format(only=only), [list(characteristic_ids), *params, at_most])
        for characteristic_id, place, at, _id, value, verdict in cursor:
            of_one = found.setdefault(characteristic_id, [])
            if not of_one or of_one[-1].place != place:
                of_one.append(Series(place))
            of_one[-1].add(value, at, verdict)
    return found


def _only_visible() -> tuple[str, tuple[Any, ...]]:
    """The rule of `equipment.scope` for the SQL above; nothing for the whole plant."""
    if lines_in_scope() is None:
        return "", ()
    checks, params = visible(QualityCheck.objects.all()).values("pk").query.sql_with_params()
    return f"AND m.check_record_id IN ({checks})", params


def places_of(characteristic: Characteristic) -> list[Place]:
    """Where it was measured, the most recent first."""
    rows = (
        visible(Measurement.objects.filter(characteristic=characteristic))
        .values_list("check_record__place")
        .annotate(n=Count("pk"), last=Max("check_record__performed_at"))
        .order_by("-last")
    )
    return [Place(*row) for row in rows]


def measurements_of(characteristic: Characteristic, *, place: str | None, at_most: int) -> list[Measurement]:
    """The last values in the order they were measured; `place` None takes all of them together."""
    rows = visible(Measurement.objects.filter(characteristic=characteristic))
    if place is not None:
        rows = rows.filter(check_record__place=place)
    rows = rows.select_related("check_record__work_order", "check_record__performed_by").order_by("-id")[:at_most]
    return sorted(rows, key=lambda m: (m.check_record.performed_at, m.pk))


def capability_of(characteristic: Characteristic, values: list[Decimal]) -> Capability | None:
    """None where the characteristic has no limit to compare with."""
    if characteristic.lower_limit is None and characteristic.upper_limit is None:
        return None
    return capability(values, characteristic.lower_limit, characteristic.upper_limit, target=characteristic.target)


def chart_of(values: list[Decimal]) -> IndividualsChart:
    return individuals_chart(values)
