"""What waits for signatures, as lines of a page. Work orders are what is signed step by step today."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max
from django.urls import reverse

from audit import access
from audit.models import StateChange
from audit.policies import role_names, role_words
from mfg_project.common.formats import Moment, duration, moment
from mfg_project.common.signing import Part, parts_of
from production.queries.signing import LABEL, WaitingOrder, waiting_orders

AT_MOST = 200


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A step of a record that waits for a signature."""

    key: str
    name: str
    url: str
    sign_url: str
    step: str  # as it is called
    transition: str
    detail: str
    meanings: str
    since: Moment | None
    age: str
    given: list[Part]
    waits_for: str  # roles
    number: int
    of: int


def what_waits(user: Any, *, now: dt.datetime) -> tuple[list[WaitingRow], list[WaitingRow], bool]:
    """What waits for this user's signature, what is signed in part and by whomever, and whether there is still more.

    A constant number of queries. What the account may not see, or may not act on, is in neither.
    """
    waiting, is_cut = waiting_orders(at_most=AT_MOST)
    roles, since = role_names(user), _since(waiting)
    mine = [
        one
        for one in waiting
        if not one.round.why_not(user, roles)
        and (not one.round.is_last or user.has_perm(one.edge.permission))
        and not access.refusal(one.order)
        and not any(guard(one.order) for guard in one.edge.guards)
    ]
    return (
        [_row(one, since, now) for one in mine],
        [_row(one, since, now) for one in waiting if one.round.given],
        is_cut,
    )


def _since(waiting: Sequence[WaitingOrder]) -> dict[str, dt.datetime]:
    """When each record came to where it waits: by its last step, or by the signature given last."""
    keys = [str(one.order.pk) for one in waiting]
    rows = StateChange.objects.filter(record_label=LABEL, record_pk__in=keys).values_list("record_pk")
    return dict(rows.annotate(Max("occurred_at")))


def _row(one: WaitingOrder, since: dict[str, dt.datetime], now: dt.datetime) -> WaitingRow:
    order, asked = one.order, one.round
    at = asked.given[-1].signed_at if asked.given else since.get(str(order.pk))
    line = str(order.production_line) if order.production_line else ""
    return WaitingRow(
        key=str(order.pk),
        name=order.work_order_number,
        url=reverse("production:work-order-detail", args=[order.pk]),
        sign_url=reverse(f"production:work-order-{one.edge.name}", args=[order.pk]),
        step=str(one.edge.label),
        transition=one.edge.name,
        detail=" · ".join(filter(None, [order.product.product_name, line])),
        meanings=" / ".join(asked.next.meaning_labels),
        since=moment(at, now=now),
        age=duration((now - at).total_seconds()) if at else "",
        given=[part for part in parts_of(asked) if part.signed_by],
        waits_for=role_words(asked.next.roles),
        number=asked.next.step,
        of=len(asked.policy.steps),
    )
