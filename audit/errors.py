"""What a service says when it refuses. Each refusal leaves everything as it was.

The doors (pages, API, admin, commands) turn them into their own form; none of them knows HTTP.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class DomainError(Exception):
    """Base of every refusal; `message` is translated text meant for the person at the door."""

    code = "refused"

    def __init__(self, message: Any, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __str__(self) -> str:
        return str(self.message)


class InvalidInput(DomainError):
    """A value breaks a rule. `fields` names the culprits: {field: message}."""

    code = "invalid_input"

    def __init__(self, message: Any, *, fields: Mapping[str, Any] | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.fields = dict(fields or {})


class ReasonRequired(InvalidInput):
    """What is there may be changed or taken away only with a reason."""

    code = "reason_required"


class NotFound(DomainError):
    code = "not_found"


class Conflict(DomainError):
    """The database already holds something that excludes this, e.g. the same number."""

    code = "integrity_error"


class RecordKept(DomainError):
    """Not deleted: its retention has not passed, or a legal hold keeps it. `facts` say until when, since when."""

    code = "record_kept"


class StaleVersion(DomainError):
    """Somebody else changed the record since it was read."""

    code = "stale_version"


class TransitionRefused(DomainError):
    """The state machine does not allow this step now; `allowed` lists the steps it does allow."""

    code = "transition_refused"

    def __init__(self, message: Any, *, allowed: Sequence[str] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.allowed = list(allowed)


class MissingPermission(DomainError):
    code = "permission_denied"

    def __init__(self, message: Any, *, permission: str) -> None:
        super().__init__(message)
        self.permission = permission


class OutsideScope(MissingPermission):
    """The role permits it, but not to this account here; `lines` are the codes of those it works on."""

    code = "outside_scope"

    def __init__(self, message: Any, *, lines: Sequence[str]) -> None:
        super().__init__(message, permission="")
        self.facts = {"lines": list(lines)}


class SignatureRefused(DomainError):
    code = "signature_refused"


class SignatureRequired(SignatureRefused):
    """The step is signed, by the policy in force, and no signature came with it."""

    code = "signature_required"


class UnattributedWrite(RuntimeError):
    """A bug, not a refusal: code wrote outside `act_as()`."""


class JournalUnavailable(RuntimeError):
    """The journal cannot take an entry (no partition for this month): a fault to be told, and nothing is written."""
