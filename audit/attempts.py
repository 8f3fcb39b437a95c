"""Steps that somebody tried and was refused: kept although the transaction of the act is rolled back.

The engine (`audit/transitions.py`) and the doors only remember them with the act; they are written when the act ends
at its door, outside of whatever its services rolled back. Who merely looks at what is possible leaves nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.utils import translation

from audit.context import Act, current_act
from audit.errors import MissingPermission, OutsideScope
from audit.journal import change
from audit.models import SecurityEventKind
from audit.security import note
from audit.signatures import name_of

log = structlog.get_logger(__name__)

NOT_PERMITTED = "permission missing: "


@dataclass(frozen=True, slots=True)
class Attempt:
    user: Any
    record: str
    transition: str
    state: str  # it was tried from
    why: str  # in English, as everything in the evidence that is no person's own words

    def __str__(self) -> str:
        return f"{self.record}: {self.transition} from {self.state}: {self.why}"


def remember(record: Any, transition: str, why: str) -> None:
    act = current_act()
    with translation.override("en"):
        named = f"{record._meta.label_lower} {record.pk} ({name_of(record)})"
    act.refused.append(Attempt(act.actor, named, transition, record.status, why))


@contextmanager
def permission_remembered(model: type[Model], pk: Any, edge: Any, *, tries: bool = True) -> Iterator[None]:
    """Around what a door asks before it calls the service of `edge`; `tries` is false where the step is only shown."""
    try:
        yield
    except (MissingPermission, PermissionDenied) as refused:
        if tries and (record := _found(model, pk)):
            remember(record, edge.name, _permission_words(refused, edge))
        raise


def keep(act: Act) -> None:
    """Write what the act was refused, each once. A failure here is told in the log and hides nothing.

    Left out is what our own programs were refused: they act on what they saw a moment ago, and look again. A program
    of somebody else's comes in through the API, and is kept.
    """
    tried = [one for one in dict.fromkeys(act.refused) if one.user.is_person or act.source == "api"]
    act.refused.clear()
    for attempt in tried:
        try:
            with change("refuse_step"):
                note(SecurityEventKind.STEP_REFUSED, user=attempt.user, detail=str(attempt))
        except Exception:  # whatever it is, the person hears why the step was refused, not this
            log.exception("refused_step_not_kept", attempt=str(attempt), user=str(attempt.user.pk))


def _permission_words(refused: Exception, edge: Any) -> str:
    if isinstance(refused, OutsideScope):
        return "outside of the lines of the account"
    return NOT_PERMITTED + (getattr(refused, "permission", "") or edge.permission)


def _found(model: type[Model], pk: Any) -> Any:
    try:
        return model._default_manager.filter(pk=pk).first()
    except (ValueError, ValidationError):  # the address may hold anything
        return None
