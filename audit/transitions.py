"""The engine behind every state machine: one table of edges per model, one door to change the state."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

from django.apps import apps
from django.utils import timezone, translation
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from audit import access, attempts, policies, records
from audit.context import current_act, require
from audit.errors import InvalidInput, MissingPermission, SignatureRefused, StaleVersion, TransitionRefused
from audit.models import Signature, StateChange
from audit.policies import Round
from audit.signatures import Signing, sign_step

Guard = Callable[[Any], str | None]  # why the step is refused now, or None


class Signed(Enum):
    """Whether a step is evidenced by a signature; by whom and with which meanings, its policy says."""

    NEVER = "never"  # it follows from another act (an order starts with its first job)
    BY_POLICY = "by policy"  # only when the quality unit asks for it
    ALWAYS = "always"  # and without a policy nobody takes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One allowed step: which states it leaves, where it leads, who may take it and what it costs."""

    name: str
    label: Any
    sources: frozenset[str]
    target: str | None  # None: back to where the record was before it was put on hold
    permission: str
    signed: Signed = Signed.NEVER
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

    def rounds(self, record: Any) -> dict[str, Round]:
        """Transition -> how far its signing has come, of those possible now that need a signature."""
        names = [edge.name for edge in self.allowed(record) if edge.signed is not Signed.NEVER]
        asked = policies.active_policies(record._meta.label_lower, transitions=names) if names else {}
        return policies.rounds_of([record], asked)[record.pk]

    def refusals(self, record: Any, edge: Edge, user: Any, rounds: Mapping[str, Round] | None = None) -> Iterator[str]:
        """Why `user` may not take `edge` now, or not give its next signature; pages show it beside a greyed button."""
        if record.status not in edge.sources:
            yield _("Not possible while the status is “%(status)s”.") % {"status": self.states(record.status).label}
            return
        asked = (self.rounds(record) if rounds is None else rounds).get(edge.name)
        if (asked is None or asked.is_last) and not user.has_perm(edge.permission):
            yield _("Your role may not do this.")
        if asked is None and edge.signed is Signed.ALWAYS:
            yield no_policy(edge)
        if asked and (unfit := asked.why_not(user)):
            yield unfit
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
        signing: Signing | None = None,
        reason: str = "",
        occurred_at: dt.datetime | None = None,
        stamp: Callable[[Signature], dict[str, Any]] | None = None,
        **changes: Any,
    ) -> StateChange:
        """Move a locked record along `edge`, or raise; state, evidence and signature are written together.

        `changes` are fields the step itself sets (actual times), `stamp` those it takes from the signature, which is
        the last one its policy asks for. Raises TransitionRefused, MissingPermission, InvalidInput (reason, meaning),
        StaleVersion, SignatureRequired or SignatureRefused, and then leaves nothing changed. What the state, a guard or
        the permission refuses is kept as a security event when the act ends.
        """
        actor = _permitted(record, edge)
        self._check(record, edge)
        _check_reason(edge, reason)
        previous, target = record.status, edge.target or record.status_before_hold
        signature = self._last_signature(record, edge, signing, previous=previous, new=target)
        if signature and stamp:
            changes |= stamp(signature)
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

    def needs_more(self, record: Any, edge: Edge) -> bool:
        """Whether the next signature does not take the step yet: then it is `sign`ed, else `apply` takes it."""
        asked = self.asked(record, edge)
        return asked is not None and not asked.is_last

    def asked(self, record: Any, edge: Edge) -> Round | None:
        """The signatures this step needs; from now until the transaction ends its policy does not change."""
        if edge.signed is Signed.NEVER:
            return None
        policies.hold_still()
        found = policies.active_policies(record._meta.label_lower, transitions=[edge.name])
        asked = policies.rounds_of([record], found)[record.pk].get(edge.name)
        if asked is None and edge.signed is Signed.ALWAYS:
            raise SignatureRefused(no_policy(edge))
        return asked

    def sign(self, record: Any, edge: Edge, signing: Signing) -> Signature:
        """Give one of the earlier signatures of `edge` on a locked record; the record stays where it is.

        Raises what `apply` raises. What the step itself would be refused for is refused now: nobody signs in vain.
        """
        self._check(record, edge)
        _check_reason(edge, signing.comment)
        asked = self.asked(record, edge)
        if asked is None or asked.is_last:
            raise StaleVersion(_("The signatures changed since you opened it. Nothing was signed. Read it again."))
        return sign_step(record, asked, signing, transition=edge.name, previous=record.status, new="")

    def _last_signature(
        self, record: Any, edge: Edge, signing: Signing | None, *, previous: str, new: str
    ) -> Signature | None:
        asked = self.asked(record, edge)
        if asked is None:
            if signing is not None:
                raise StaleVersion(_("This step needs no signature any more. Nothing was done; open it again."))
            return None
        if not asked.is_last and signing is not None:
            raise StaleVersion(_("The signatures changed since you opened it. Nothing was signed. Read it again."))
        return sign_step(record, asked, signing, transition=edge.name, previous=previous, new=new)

    def _check(self, record: Any, edge: Edge) -> None:
        if why := self.tried(record, edge):
            raise TransitionRefused(why, allowed=[e.name for e in self.allowed(record)])

    def tried(self, record: Any, edge: Edge) -> str:
        """Why the state or a guard refuses a step that somebody takes now, or ""; that it was tried is remembered.

        For doors that refuse before they call the service; those that only show a step ask `refusals`.
        """
        if why := self._in_the_way(record, edge):
            with translation.override("en"):
                attempts.remember(record, edge.name, self._in_the_way(record, edge))
        return why

    def _in_the_way(self, record: Any, edge: Edge) -> str:
        if record.status in edge.sources:
            return next((why for guard in edge.guards if (why := guard(record))), "")
        return _("“%(step)s” is not possible while the status is “%(status)s”. Possible now: %(allowed)s.") % {
            "step": edge.label,
            "status": self.states(record.status).label,
            "allowed": ", ".join(str(e.label) for e in self.allowed(record)) or "—",
        }


def no_policy(edge: Edge) -> str:
    return _(
        "“%(step)s” has to be signed, and no signature policy is in force for it. The quality unit sets one under"
        " Signature policies in the administration."
    ) % {"step": edge.label}


def _permitted(record: Any, edge: Edge) -> Any:
    try:
        return require(edge.permission)
    except MissingPermission:
        attempts.remember(record, edge.name, attempts.NOT_PERMITTED + edge.permission)
        raise


def _check_reason(edge: Edge, reason: str) -> None:
    if edge.needs_reason and not reason.strip():
        raise InvalidInput(_("A reason is required."), fields={"reason": _("A reason is required.")})


def models_with_steps() -> Iterator[tuple[Any, StateMachine]]:
    """Models with their state machine: the one whose states their status has."""
    for model in apps.get_models():
        if hasattr(model, "history_type"):
            continue
        choices = next((list(f.flatchoices) for f in model._meta.concrete_fields if f.name == "status"), None)
        for machine in MACHINES:
            if choices and choices == list(machine.states.choices):
                yield model, machine


@cache
def signable_steps() -> dict[tuple[str, str], tuple[Any, Edge]]:
    """(record type, transition) -> model and edge, of every step a policy may be made for."""
    return {
        (model._meta.label_lower, edge.name): (model, edge)
        for model, machine in models_with_steps()
        for edge in machine.edges
        if edge.signed is not Signed.NEVER
    }


def step_words(label: str, transition: str) -> str:
    """ "Work order: Release"; the stored words of a step this version does not know."""
    known = signable_steps().get((label, transition))
    if known is None:
        return f"{label}: {transition}"
    model, edge = known
    return f"{capfirst(model._meta.verbose_name)}: {edge.label}"


def history_of(record: Any) -> list[StateChange]:
    """The record's steps, oldest first."""
    rows = StateChange.objects.filter(record_label=record._meta.label_lower, record_pk=str(record.pk))
    return list(rows.select_related("signature").order_by("id"))
