from audit.models.base import AuditedModel
from audit.models.evidence import Signature, StateChange
from audit.models.integrity import Heartbeat, Incident, IncidentKind, Timestamp
from audit.models.journal import JournalEntry, JournalSeal
from audit.models.review import TrailReview
from audit.models.security import Outbox, SecurityEvent, SecurityEventKind
from audit.models.verification import Verdict, VerificationRun

__all__ = [
    "AuditedModel",
    "Heartbeat",
    "Incident",
    "IncidentKind",
    "JournalEntry",
    "JournalSeal",
    "Outbox",
    "SecurityEvent",
    "SecurityEventKind",
    "Signature",
    "StateChange",
    "Timestamp",
    "TrailReview",
    "Verdict",
    "VerificationRun",
]
