from accounts.models.names import OneName, SameName
from accounts.models.signing import (
    LONGEST_CODE,
    Acknowledgement,
    CodeEnd,
    DocumentClass,
    ProviderConfirmation,
    SigningQualification,
    SigningStatement,
    TemporaryCode,
)
from accounts.models.user import CaseBlindUserManager, User

__all__ = [
    "LONGEST_CODE",
    "Acknowledgement",
    "CaseBlindUserManager",
    "CodeEnd",
    "DocumentClass",
    "OneName",
    "ProviderConfirmation",
    "SameName",
    "SigningQualification",
    "SigningStatement",
    "TemporaryCode",
    "User",
]
