from audit.models.archive import ArchiveCheck, JournalArchive, JournalMonth, MonthStep
from audit.models.base import AuditedModel
from audit.models.evidence import Signature, StateChange
from audit.models.integrity import Heartbeat, Incident, IncidentKind, Timestamp
from audit.models.journal import JournalEntry, JournalSeal
from audit.models.retention import LegalHold, RetentionPolicy
from audit.models.review import TrailReview
from audit.models.security import Outbox, SecurityEvent, SecurityEventKind
from audit.models.signing import Required, SignaturePolicy, SigningWindow, WindowEnd
from audit.models.verification import Verdict, VerificationRun

__all__ = [
    "ArchiveCheck",
    "AuditedModel",
    "Heartbeat",
    "Incident",
    "IncidentKind",
    "JournalArchive",
    "JournalEntry",
    "JournalMonth",
    "JournalSeal",
    "LegalHold",
    "MonthStep",
    "Outbox",
    "Required",
    "RetentionPolicy",
    "SecurityEvent",
    "SecurityEventKind",
    "Signature",
    "SignaturePolicy",
    "SigningWindow",
    "StateChange",
    "Timestamp",
    "TrailReview",
    "Verdict",
    "VerificationRun",
    "WindowEnd",
]
