from audit.models.base import AuditedModel
from audit.models.evidence import Signature, StateChange
from audit.models.security import Outbox, SecurityEvent, SecurityEventKind

__all__ = ["AuditedModel", "Outbox", "SecurityEvent", "SecurityEventKind", "Signature", "StateChange"]
