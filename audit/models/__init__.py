from audit.models.base import AuditedModel
from audit.models.evidence import FailedSignature, Signature, StateChange

__all__ = ["AuditedModel", "FailedSignature", "Signature", "StateChange"]
