"""The engine behind every state machine: one table of edges per model, one door to change the state."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from audit import access, records
from audit.context import current_act, require
from audit.errors import InvalidInput, TransitionRefused
from audit.models import Signature, StateChange
from audit.signatures import ConfirmedIdentity, sign

Guard = Callable[[Any], str | None]  # why the step is refused now, or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One allowed step: which states it leaves, where it leads, who may take it and what it costs."""

    name: str
    label: Any
    sources: frozenset[str]
    target: str | None  # None: back to where the record was before it was put on hold
    permission: str
    meanings: tuple[str, ...] = ()  # non-empty: the step needs an electronic signature
    needs_reason: bool = False
    guards: tuple[Guard, ...] = ()


MACHINES: "list[StateMachine]" = []  # every one of the project; who verifies compares the log with them


@dataclass(frozen=True, slots=True)
class StateMachine:
    edges: tuple[Edge, ...]
    states: Any  # the TextChoices of the status field
    by_name: dict[str, Edge] = field(init=False)

    def __post_init__(self) -> None:
        MACHINES.append(self)
        object.__setattr__(self, "by_name", {edge.name: edge for edge in self.edges})

    def allowed(self, record: Any) -> list[Edge]:
        """The steps the state allows, whoever asks."""
        return [edge for edge in self.edges if record.status in edge.sources]

    def refusals(self, record: Any, edge: Edge, user: Any) -> Iterator[str]:
        """Why `user` may not take `edge` now; pages show it beside a greyed button."""
        if record.status not in edge.sources:
            yield _("Not possible while the status is “%(status)s”.") % {"status": self.states(record.status).label}
            return
        if not user.has_perm(edge.permission):
            yield _("Your role may not do this.")
        if outside := access.refusal(record):
            yield outside
        for guard in edge.guards:
            if why := guard(record):
                yield why

    def apply(
        self,
        record: Any,
        edge: Edge,
        *,
        identity: ConfirmedIdentity | None = None,
        meaning: str = "",
        reason: str = "",
        occurred_at: dt.datetime | None = None,
        stamp: Callable[[Signature], dict[str, Any]] | None = None,
        **changes: Any,
    ) -> StateChange:
        """Move a locked record along `edge`, or raise; state, evidence and signature are written together.

        `changes` are fields the step itself sets (actual times), `stamp` those it takes from the signature.
        Raises TransitionRefused, MissingPermission, InvalidInput (reason, meaning) or SignatureRefused, and then
        leaves nothing changed.
        """
        actor = require(edge.permission)
        self._check(record, edge)
        if edge.needs_reason and not reason.strip():
            raise InvalidInput(_("A reason is required."), fields={"reason": _("A reason is required.")})
        if edge.meanings and meaning not in edge.meanings:
            raise InvalidInput(_("Choose what your signature means."), fields={"meaning": _("Choose a meaning.")})
        signature = sign(record, identity=identity, meaning=meaning, comment=reason) if edge.meanings else None
        if signature and stamp:
            changes |= stamp(signature)
        previous, target = record.status, edge.target or record.status_before_hold
        records.update(record, reason=reason or edge.name, status=target, **changes)
        act = current_act()
        return StateChange.objects.create(
            occurred_at=occurred_at or timezone.now(),
            record_label=record._meta.label_lower,
            record_pk=str(record.pk),
            transition=edge.name,
            from_state=previous,
            to_state=target,
            actor=actor,
            actor_name=actor.printed_name,
            source=act.source,
            act_id=act.id,
            reason=reason,
            signature=signature,
        )

    def _check(self, record: Any, edge: Edge) -> None:
        allowed = [e.name for e in self.allowed(record)]
        if record.status not in edge.sources:
            raise TransitionRefused(
                _("“%(step)s” is not possible while the status is “%(status)s”. Possible now: %(allowed)s.")
                % {
                    "step": edge.label,
                    "status": self.states(record.status).label,
                    "allowed": ", ".join(str(e.label) for e in self.allowed(record)) or "—",
                },
                allowed=allowed,
            )
        for guard in edge.guards:
            if why := guard(record):
                raise TransitionRefused(why, allowed=allowed)


def history_of(record: Any) -> list[StateChange]:
    """The record's steps, oldest first."""
    rows = StateChange.objects.filter(record_label=record._meta.label_lower, record_pk=str(record.pk))
    return list(rows.select_related("signature").order_by("id"))
