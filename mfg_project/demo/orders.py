"""New orders of the demo plant: small ones, so that something happens while somebody watches."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from django.utils.translation import gettext as _

from audit.context import act_as
from audit.errors import SignatureRefused
from audit.signatures import ConfirmedIdentity, Meaning, Signing, confirm_identity
from equipment.queries.site import plant_time_zone
from mfg_project.demo.people import PASSWORD, demo_supervisor, require_demo
from mfg_project.demo.plant import LineSpec, Plant
from production.models import WorkOrder
from production.services.signing import sign_work_order_step
from production.services.work_orders import create_work_order, plan_work_order, release_work_order

PIECES = range(60, 161, 20)
EXPECTED_OEE = 0.7
CHANGEOVER = dt.timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class NewOrder:
    product: str
    quantity: int
    start: dt.datetime
    end: dt.datetime


def draw_order(spec: LineSpec, *, rng: Random, start: dt.datetime) -> NewOrder:
    product = rng.choices(spec.products, [product.share for product in spec.products])[0]
    quantity = rng.choice(PIECES)
    takes = dt.timedelta(seconds=quantity * product.seconds_per_piece / EXPECTED_OEE) + CHANGEOVER
    return NewOrder(product.code, quantity, start, start + takes)


def number_prefix(spec: LineSpec, day: dt.date) -> str:
    return f"WO-{day:%y%m%d}-{spec.number}"


def next_number(spec: LineSpec, *, start: dt.datetime) -> str:
    """The line's next number of the day, e.g. WO-261121-107: the seventh of line 1."""
    prefix = number_prefix(spec, start.astimezone(plant_time_zone()).date())
    taken = WorkOrder.objects.filter(work_order_number__startswith=prefix).values_list("work_order_number", flat=True)
    suffixes = [int(number[len(prefix) :]) for number in taken if number[len(prefix) :].isdigit()]
    return f"{prefix}{max(suffixes, default=0) + 1:02d}"


def create_order(plant: Plant, spec: LineSpec, new: NewOrder, **values: Any) -> WorkOrder:
    """As the current actor."""
    return create_work_order(
        work_order_number=next_number(spec, start=new.start),
        product_id=plant.products[new.product].pk,
        production_line_id=plant.lines[spec.code].pk,
        planned_quantity=new.quantity,
        scheduled_start=new.start,
        scheduled_end=new.end,
        **values,
    )


def create_planned(plant: Plant, spec: LineSpec, new: NewOrder, **values: Any) -> WorkOrder:
    return plan_work_order(work_order_id=create_order(plant, spec, new, **values).pk)


def release_for_the_demo(orders: Sequence[WorkOrder], *, source: str) -> None:
    """Sign orders as the demo supervisor, so that the machines do not run out of work.

    The same signature as everywhere, given with the public password: this exists in demo mode only.
    """
    identity = _supervisor_signs(source)
    with act_as(identity.user, source=source):
        for order in orders:
            release_work_order(work_order_id=order.pk, signing=_signing(identity))


def sign_for_the_demo(order: WorkOrder, user: Any, *, step: str, meaning: str, comment: str) -> None:
    """A signature of one of the demo's people, with the public password."""
    require_demo()
    with act_as(user, source="command:load_demo"):
        identity = confirm_identity(user=user, username=user.get_username(), password=PASSWORD)
        signing = Signing(identity=identity, meaning=meaning, comment=comment)
        sign_work_order_step(work_order_id=order.pk, step=step, signing=signing)


def make_released(
    plant: Plant, spec: LineSpec, *, rng: Random, count: int, start: dt.datetime, source: str
) -> list[WorkOrder]:
    """Create and plan orders as the current actor, one after the other from `start`, and release them.

    Raises SignatureRefused when nobody can sign, before anything is created.
    """
    identity = _supervisor_signs(source)
    orders: list[WorkOrder] = []
    while len(orders) < count:
        new = draw_order(spec, rng=rng, start=start)
        order = create_planned(plant, spec, new)
        with act_as(identity.user, source=source):
            orders.append(release_work_order(work_order_id=order.pk, signing=_signing(identity)))
        start = new.end
    return orders


def _supervisor_signs(source: str) -> ConfirmedIdentity:
    supervisor = demo_supervisor()
    if supervisor is None:
        raise SignatureRefused(_("The demo supervisor has another password now: nobody signs for the demo."))
    with act_as(supervisor, source=source):
        return confirm_identity(user=supervisor, username=supervisor.get_username(), password=PASSWORD)


def _signing(identity: ConfirmedIdentity) -> Signing:
    return Signing(identity=identity, meaning=Meaning.RELEASED)
