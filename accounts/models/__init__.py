from accounts.models.names import OneName, SameName
from accounts.models.signing import (
    Acknowledgement,
    DocumentClass,
    ProviderConfirmation,
    SigningQualification,
    SigningStatement,
)
from accounts.models.user import CaseBlindUserManager, User

__all__ = [
    "Acknowledgement",
    "CaseBlindUserManager",
    "DocumentClass",
    "OneName",
    "ProviderConfirmation",
    "SameName",
    "SigningQualification",
    "SigningStatement",
    "User",
]
