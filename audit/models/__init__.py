from audit.models.base import AuditedModel
from audit.models.evidence import Signature, StateChange
from audit.models.journal import JournalEntry, JournalSeal
from audit.models.security import Outbox, SecurityEvent, SecurityEventKind

__all__ = [
    "AuditedModel",
    "JournalEntry",
    "JournalSeal",
    "Outbox",
    "SecurityEvent",
    "SecurityEventKind",
    "Signature",
    "StateChange",
]
