"""A temporary code in place of a lost authenticator app: made, and whether it is right. It is stored as a hash only."""

import secrets
import unicodedata

from django.contrib.auth.hashers import check_password, make_password
from django.utils import timezone

from accounts.models import CodeEnd, User

DIGITS = 10  # an app's codes have six: nobody takes one for the other
_TYPED_BETWEEN = "-‐‑–−ー"  # hyphens, also as a Japanese keyboard writes them


def new_code() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(DIGITS))


def grouped(code: str) -> str:
    return f"{code[:5]} {code[5:]}"


def sealed(code: str) -> str:
    return make_password(code)


def accept(row: User, code: str) -> bool:
    """Whether it is right; one for a single use is used up. `row` is locked, so that of two only one can use it."""
    found = row.temporary_code()
    if found is None or not check_password(_plain(code), found.code):
        return False
    if found.once:
        end(row, CodeEnd.USED)
    return True


def end(user: User, why: str) -> int:
    """Inside a change. Says how many it ended: one or none."""
    return user.temporary_codes.filter(ended_at=None).update(ended_at=timezone.now(), ended_why=why)


def _plain(typed: str) -> str:
    text = unicodedata.normalize("NFKC", typed)
    return "".join(sign for sign in text if not sign.isspace() and sign not in _TYPED_BETWEEN)
