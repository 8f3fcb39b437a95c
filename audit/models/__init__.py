from audit.models.archive import ArchiveCheck, JournalArchive, JournalMonth, MonthStep
from audit.models.base import AuditedModel
from audit.models.evidence import Signature, StateChange
from audit.models.journal import JournalEntry, JournalSeal
from audit.models.retention import LegalHold, RetentionPolicy
from audit.models.security import Outbox, SecurityEvent, SecurityEventKind
from audit.models.signing import Required, SignaturePolicy, SigningWindow, WindowEnd
from audit.models.verification import Verdict, VerificationRun

__all__ = [
    "ArchiveCheck",
    "AuditedModel",
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
    "Verdict",
    "VerificationRun",
    "WindowEnd",
]
