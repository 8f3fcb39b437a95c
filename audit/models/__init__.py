from audit.models.base import AuditedModel
from audit.models.evidence import Signature, StateChange
from audit.models.journal import JournalEntry, JournalSeal
from audit.models.security import Outbox, SecurityEvent, SecurityEventKind
from audit.models.signing import Required, SignaturePolicy, SigningWindow, WindowEnd
from audit.models.verification import Verdict, VerificationRun

__all__ = [
    "AuditedModel",
    "JournalEntry",
    "JournalSeal",
    "Outbox",
    "Required",
    "SecurityEvent",
    "SecurityEventKind",
    "Signature",
    "SignaturePolicy",
    "SigningWindow",
    "StateChange",
    "Verdict",
    "VerificationRun",
    "WindowEnd",
]
