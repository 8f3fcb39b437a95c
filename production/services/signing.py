"""The one way a person signs a step of a work order: an earlier signature is kept, the last one takes the step."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from audit.context import require
from audit.journal import change
from audit.models import Signature, SignaturePolicy
from audit.signatures import Signing, refusals_kept
from audit.transitions import Edge
from production.models import WorkOrder
from production.queries.signing import may_give_part
from production.services.work_orders import (
    announce,
    cancel_work_order,
    complete_work_order,
    hold_work_order,
    own_order,
    release_work_order,
    resume_work_order,
)
from production.transitions import WORK_ORDER

# A step that a policy can ask signatures for, and its service
SIGNED_STEPS: dict[str, Callable[..., WorkOrder]] = {
    "release": release_work_order,
    "complete": complete_work_order,
    "hold": hold_work_order,
    "resume": resume_work_order,
    "cancel": cancel_work_order,
}


def require_part(user: Any, edge: Edge, policy: SignaturePolicy | None) -> None:
    """Refuse who neither takes the step nor gives one of its signatures; the doors ask before anybody enters anything.

    Raises MissingPermission.
    """
    if not may_give_part(user, edge, policy):
        require(edge.permission)


def sign_work_order_step(
    *, work_order_id: UUID, step: str, signing: Signing, expected_version: int | None = None
) -> tuple[WorkOrder, Signature]:
    """Give the next signature of a step as the current actor. One transaction: signed and, if it is the last, taken.

    Raises what the step's own service raises. A refusal of the person is kept as a security event.
    """
    with refusals_kept(), change(f"sign_{step}", signing.comment) as act:
        order = own_order(work_order_id, expected_version)
        edge = WORK_ORDER.by_name[step]
        if WORK_ORDER.needs_more(order, edge):
            signature = WORK_ORDER.sign(order, edge, signing)
            announce(order)
            return order, signature
        order = SIGNED_STEPS[step](work_order_id=order.pk, signing=signing, reason=signing.comment)
        return order, Signature.objects.get(act_id=act.id, record_pk=str(order.pk), transition=step)
