"""The one door to quality checks."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.context import require, uuid7
from audit.errors import InvalidInput, NotFound
from audit.journal import change
from audit.records import guarded
from equipment.scope import visible
from production.events import publish_order
from production.models import JobOrder, WorkOrder
from quality.enums import Verdict
from quality.fields import validate_exact
from quality.models import Characteristic, Measurement, QualityCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredValue:
    characteristic_id: UUID
    value: Decimal
    reported_status: str = ""


def verdict_by_limits(value: Decimal, lower: Decimal | None, upper: Decimal | None) -> str:
    """A value on a limit passes."""
    inside = (lower is None or value >= lower) and (upper is None or value <= upper)
    return Verdict.PASS if inside else Verdict.FAIL


def record_check(
    *,
    work_order_id: UUID,
    test_type: str,
    values: Sequence[MeasuredValue],
    job_order_id: UUID | None = None,
    piece: str = "",
    place: str = "",
    performed_at: dt.datetime | None = None,
    comment: str = "",
    client_token: UUID | None = None,
) -> QualityCheck:
    """Record one check with its measurements; the verdict is by the limits of this moment.

    A repeated `client_token` returns the first check. Raises NotFound or InvalidInput; nothing is written then.
    """
    actor = require("quality.record_check")
    order = visible(WorkOrder.objects.filter(pk=work_order_id)).first()
    if order is None:
        raise NotFound(_("The work order was not found."))
    if job_order_id and not JobOrder.objects.filter(pk=job_order_id, work_order=order).exists():
        raise NotFound(_("The job order was not found."))
    if not values:
        raise InvalidInput(_("Enter at least one value."), fields={"values": _("Enter at least one value.")})
    if client_token and (first := visible(QualityCheck.objects.filter(client_token=client_token)).first()):
        return first
    measurements = _measurements(order, values)
    with change("record_check"), guarded(QualityCheck, Measurement):
        check = QualityCheck.objects.create(
            work_order=order,
            job_order_id=job_order_id,
            piece=piece,
            test_type=test_type,
            place=place,
            result=_result(measurements),
            performed_at=_performed_at(performed_at),
            performed_by=actor,
            comment=comment,
            client_token=client_token or uuid7(),
        )
        for measurement in measurements:
            measurement.check_record = check
        Measurement.objects.bulk_create(measurements)
        transaction.on_commit(partial(publish_order, order.pk))
    return check


def _measurements(order: WorkOrder, values: Sequence[MeasuredValue]) -> list[Measurement]:
    wanted = {v.characteristic_id for v in values}
    known = Characteristic.objects.filter(product_id=order.product_id, is_active=True).in_bulk(wanted)
    if missing := wanted - set(known):
        raise NotFound(_("%(count)s characteristics do not belong to this product.") % {"count": len(missing)})
    rows = []
    for measured in values:
        characteristic = known[measured.characteristic_id]
        validate_value(measured.value, characteristic)
        rows.append(
            Measurement(
                characteristic=characteristic,
                value=measured.value,
                lower_limit=characteristic.lower_limit,
                upper_limit=characteristic.upper_limit,
                verdict=None
                if characteristic.is_informational
                else verdict_by_limits(measured.value, characteristic.lower_limit, characteristic.upper_limit),
                reported_status=measured.reported_status,
            )
        )
    return rows


def validate_value(value: Decimal, characteristic: Characteristic) -> None:
    try:
        validate_exact(value)
    except ValidationError as wrong:
        text = _("Enter a number for “%(name)s”.") % {"name": characteristic.name}
        raise InvalidInput(text, fields={characteristic.code: text}) from wrong


def _result(measurements: list[Measurement]) -> str | None:
    verdicts = {m.verdict for m in measurements} - {None}
    if not verdicts:
        return None
    return Verdict.FAIL if Verdict.FAIL in verdicts else Verdict.PASS


def _performed_at(moment: dt.datetime | None) -> dt.datetime:
    now = timezone.now()
    if moment is None:
        return now
    if timezone.is_naive(moment):
        raise InvalidInput(
            _("A time needs its zone, e.g. 2026-01-31T08:00:00+09:00."),
            fields={"performed_at": _("Zone missing.")},
        )
    if moment > now + dt.timedelta(seconds=60):
        raise InvalidInput(_("The moment lies in the future."), fields={"performed_at": _("In the future.")})
    return moment
