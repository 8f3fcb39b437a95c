"""Orders and the signatures their steps need: what is possible, what waits, and for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, prefetch_related_objects
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from audit.canonical import digest
from audit.models import Signature, SignaturePolicy
from audit.models.signing import roles_named
from audit.policies import Round, active_policies, role_names, role_words, rounds_of
from audit.signatures import meaning_label, signed_when
from audit.transitions import Edge, Signed
from equipment.scope import visible
from production.enums import FINAL_STATUSES, JobOrderStatus, WorkOrderStatus
from production.models import JobOrder, WorkOrder
from production.transitions import COMPLETE, RELEASE, WORK_ORDER

LABEL = "production.workorder"
UNFINISHED = (JobOrderStatus.WAITING, JobOrderStatus.RUNNING, JobOrderStatus.HELD)


def policy_of(step: str) -> SignaturePolicy | None:
    return active_policies(LABEL, transitions=[step]).get(step)


def may_give_part(user: Any, edge: Edge, policy: SignaturePolicy | None) -> bool:
    """Whether a policy names the user for one of the signatures of a step, whoever takes the step in the end."""
    return bool(policy and edge.signed is not Signed.NEVER and roles_named([policy]) & role_names(user))


def step_label(edge: Edge) -> str:
    """A signed step as its button calls it."""
    if edge is RELEASE:
        return _("Sign and release")
    return _("Sign: %(step)s") % {"step": edge.label}


@dataclass(frozen=True, slots=True)
class Step:
    """A step the status allows: why this user cannot take it, or not sign it, now ("" = possible)."""

    edge: Edge
    refused: str
    round: Round | None  # the signatures it needs


def possible_steps(order: WorkOrder, user: Any) -> list[Step]:
    """For pages and API."""
    rounds = WORK_ORDER.rounds(order)
    return [
        Step(edge, next(WORK_ORDER.refusals(order, edge, user, rounds), ""), rounds.get(edge.name))
        for edge in WORK_ORDER.allowed(order)
    ]


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    order: WorkOrder
    edge: Edge
    round: Round


def waiting_orders(*, at_most: int) -> tuple[list[WaitingOrder], bool]:
    """Orders of which a step waits for a signature, the most pressing first, and whether there are more than that.

    An order waits for its release when it is planned, for its completion when its jobs are complete, and for any step
    of which a part of the signatures is given. A constant number of queries.
    """
    policies = active_policies(LABEL)
    if not policies:
        return [], False
    found = list(_candidates(policies)[: at_most + 1])
    orders = found[:at_most]
    rounds = rounds_of(orders, policies)
    waiting = [
        WaitingOrder(order, edge, asked)
        for order in orders
        for edge in WORK_ORDER.allowed(order)
        if (asked := rounds[order.pk].get(edge.name)) and (asked.given or _is_next(order, edge))
    ]
    return waiting, len(found) > at_most


@dataclass(frozen=True, slots=True)
class SignedMark:
    """What a list says of an order's signatures: the last one, and whom a started step waits for."""

    name: str
    meaning: str
    when: str
    is_superseded: bool
    waits_for: str = ""
    given: int = 0
    of: int = 0


def signed_marks(orders: Sequence[WorkOrder]) -> dict[str, SignedMark]:
    """By the key of the order; a constant number of queries."""
    last: dict[str, Signature] = {}
    keys = [str(order.pk) for order in orders]
    for row in Signature.objects.filter(record_label=LABEL, record_pk__in=keys).order_by("signed_at", "step_no"):
        last[row.record_pk] = row
    signed = [order for order in orders if str(order.pk) in last]
    if not signed:
        return {}
    prefetch_related_objects(signed, "job_orders")
    parts = [order for order in signed if not last[str(order.pk)].new_state]
    rounds = rounds_of(parts, active_policies(LABEL)) if parts else {}
    return {str(order.pk): _mark(order, last[str(order.pk)], rounds.get(order.pk, {})) for order in signed}


def _mark(order: WorkOrder, last: Signature, rounds: Mapping[str, Round]) -> SignedMark:
    mark = SignedMark(
        name=last.signer_name,
        meaning=meaning_label(last),
        when=signed_when(last),
        is_superseded=digest(order.signed_content()) != last.digest,
    )
    started = [rounds[edge.name] for edge in WORK_ORDER.allowed(order) if edge.name in rounds]
    for asked in started:
        if asked.given:
            return replace(
                mark, waits_for=role_words(asked.next.roles), given=len(asked.given), of=len(asked.policy.steps)
            )
    return mark


def _candidates(policies: Mapping[str, SignaturePolicy]) -> QuerySet[WorkOrder]:
    parts = Signature.objects.filter(
        record_label=LABEL, record_pk=OuterRef("key"), new_state="", transition__in=list(policies)
    )
    waits: Any = Q(Exists(parts))
    if RELEASE.name in policies:
        waits |= Q(status=WorkOrderStatus.PLANNED)
    if COMPLETE.name in policies:
        unfinished = JobOrder.objects.filter(work_order=OuterRef("pk"), status__in=UNFINISHED)
        waits |= Q(status=WorkOrderStatus.IN_PROGRESS) & ~Exists(unfinished)
    return (
        visible(WorkOrder.objects.exclude(status__in=FINAL_STATUSES).annotate(key=Cast("pk", CharField())))
        .filter(waits)
        .select_related("product", "production_line", "batch")
        .prefetch_related("job_orders")
        .order_by("scheduled_start", "priority", "id")
    )


def orders_to_sign(keys: Sequence[UUID], edge: Edge) -> list[WaitingOrder]:
    """Those of the orders at which `edge` is possible and signed, as far as the account sees them."""
    policies = active_policies(LABEL, transitions=[edge.name])
    orders = (
        visible(WorkOrder.objects.filter(pk__in=keys, status__in=edge.sources))
        .select_related("product", "production_line", "batch")
        .prefetch_related("job_orders")
        .order_by("scheduled_start", "priority", "id")
    )
    found = list(orders)
    rounds = rounds_of(found, policies)
    return [WaitingOrder(order, edge, asked) for order in found if (asked := rounds[order.pk].get(edge.name))]


def _is_next(order: WorkOrder, edge: Edge) -> bool:
    if edge is RELEASE:
        return True
    return edge is COMPLETE and all(job.status == JobOrderStatus.COMPLETED for job in order.job_orders.all())
