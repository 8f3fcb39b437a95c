"""Codes of an authenticator app (RFC 6238): the key, and whether a code is right and new.

The key has to be readable to compute codes, so it is stored encrypted: a copy of the database alone yields none.
"""

import base64
import hmac
import unicodedata

import pyotp
import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import User

log = structlog.get_logger(__name__)

ISSUER = "Genba"
SECONDS = 30
AROUND = (-1, 0, 1)  # steps: a code just typed, and a clock half a minute off


def new_key() -> str:
    return pyotp.random_base32()


def address(key: str, user: User) -> str:
    """As apps read it from a QR code."""
    return pyotp.TOTP(key).provisioning_uri(name=user.get_username(), issuer_name=ISSUER)


def step_of(sealed: str, code: str, *, after: int = 0) -> int | None:
    """The time step this is the code of, if it is one of now and later than `after`."""
    key = _opened(sealed)
    if not key:
        return None
    typed = "".join(unicodedata.normalize("NFKC", code).split()).encode()
    totp, now = pyotp.TOTP(key), int(timezone.now().timestamp()) // SECONDS
    steps = [now + n for n in AROUND if hmac.compare_digest(totp.generate_otp(now + n).encode(), typed)]
    return next((step for step in steps if step > after), None)


def accept(row: User, code: str) -> bool:
    """Whether the code is right and new; then it is used up. `row` is locked, so that of two only one can use it."""
    step = step_of(row.totp_key, code, after=row.totp_step)
    if step is None:
        return False
    row.totp_step = step
    row.save(update_fields=["totp_step"])
    return True


def sealed(key: str) -> str:
    return _box().encrypt(key.encode()).decode()


def _opened(sealed_key: str) -> str:
    try:
        return _box().decrypt(sealed_key.encode()).decode()
    except InvalidToken:  # SECRET_KEY is another one now
        log.error("authenticator_key_unreadable")
        return ""


def _box() -> MultiFernet:
    keys = [
        salted_hmac("accounts.totp", "key", secret=secret, algorithm="sha256").digest()
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
