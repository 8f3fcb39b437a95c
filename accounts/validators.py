import datetime as dt
import hashlib
import re
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import structlog
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

log = structlog.get_logger(__name__)

PIN_DIGITS = 6
PIN_MOST_DIGITS = 12
CHUNK = 1 << 20
HASH_LINE = re.compile(rb"[0-9A-Fa-f]{40}(:\d+)?\s*$")


class PasswordHistoryValidator:
    """The present password and the ones before it do not come back (as many as the policy says)."""

    def validate(self, password: str, user: Any = None) -> None:
        known = [user.password, *user.previous_passwords.split()] if user is not None and user.password else []
        if any(check_password(password, encoded) for encoded in known[: settings.PASSWORD_HISTORY + 1]):
            raise ValidationError(self.get_help_text(), code="password_used_before")

    def get_help_text(self) -> str:
        return _("Your last %(count)s passwords cannot be used again.") % {"count": settings.PASSWORD_HISTORY}


class BreachedPasswordValidator:
    """No password of a list of known ones (BREACHED_PASSWORDS_FILE), which may be larger than memory.

    Two forms: one word a line, read from the front; or SHA-1 in hex with an optional count, sorted, as "Have I Been
    Pwned" gives it out, in which a binary search reads some forty lines of a file of any size.
    """

    def validate(self, password: str, user: Any = None) -> None:
        if not settings.BREACHED_PASSWORDS_FILE:
            return
        try:
            known = any(is_listed(word) for word in {password, password.lower()})
        except OSError as error:
            log.error("breached_passwords_unreadable", error=str(error))
            text = _("The list of known passwords cannot be read. Tell your administrator; nothing was changed.")
            raise ValidationError(text, code="password_list_unreadable") from error
        if known:
            raise ValidationError(self.get_help_text(), code="password_breached")

    def get_help_text(self) -> str:
        return _("Passwords that became known elsewhere cannot be used.")


def is_listed(word: str) -> bool:
    with Path(settings.BREACHED_PASSWORDS_FILE).open("rb") as file:
        hashed = HASH_LINE.match(file.readline(200))
        file.seek(0)
        if hashed:
            return _has_hash(file, hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest().upper().encode())
        return _has_line(file, word.encode())


def _has_hash(file: IO[bytes], wanted: bytes) -> bool:
    """The line that begins at or after `low` is looked for; `high` is past it."""
    low, high = 0, file.seek(0, 2)
    while low < high:
        middle = (low + high) // 2
        file.seek(middle)
        if middle:
            file.seek(middle - 1)
            file.readline()  # to the beginning of a line, which is `middle` when one begins there
        line = file.readline()
        found = line[:40].upper()
        if found == wanted:
            return True
        if line and found < wanted:
            low = file.tell()
        else:
            high = middle
    return False


def _has_line(file: IO[bytes], wanted: bytes) -> bool:
    """In pieces, each with the end of the one before."""
    line, rest = b"\n" + wanted + b"\n", b"\n"
    while piece := file.read(CHUNK):
        rest += piece.replace(b"\r", b"")
        if line in rest:
            return True
        rest = rest[-len(line) :]
    return line in rest + b"\n"


def check_pin(pin: str, user: Any) -> None:
    """A signing PIN as strong as digits can be: no pattern of the keypad, no date, none of the owner's former ones."""
    if not (pin.isascii() and pin.isdecimal() and PIN_DIGITS <= len(pin) <= PIN_MOST_DIGITS):
        raise ValidationError(
            _("A signing PIN has %(least)s to %(most)s digits.") % {"least": PIN_DIGITS, "most": PIN_MOST_DIGITS},
            code="pin_digits",
        )
    if _is_pattern(pin) or _is_date(pin) or pin in user.username:
        raise ValidationError(
            _("This PIN is easy to guess: no rows like 123456, no repetitions, no dates, nothing of your user name."),
            code="pin_trivial",
        )
    known = [user.signing_pin, *user.previous_pins.split()] if user.signing_pin else user.previous_pins.split()
    if any(check_password(pin, encoded) for encoded in known[: settings.PASSWORD_HISTORY + 1]):
        count = settings.PASSWORD_HISTORY
        raise ValidationError(
            ngettext("Your last PIN cannot be used again.", "Your last %(count)s PINs cannot be used again.", count)
            % {"count": count},
            code="pin_used_before",
        )


def _is_pattern(pin: str) -> bool:
    """Steps of one size (123456, 975310, 111111), or a short piece again and again (121212, 123123)."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    pieces = (pin[:n] for n in range(1, len(pin) // 2 + 1) if len(pin) % n == 0)
    return len(steps) == 1 or len(set(pin)) <= 2 or any(piece * (len(pin) // len(piece)) == pin for piece in pieces)


def _is_date(pin: str) -> bool:
    """A year of anybody's life at either end, or six digits that are a day in one of the usual orders."""
    if any(1900 <= int(year) <= 2099 for year in (pin[:4], pin[-4:])):
        return True
    return len(pin) == PIN_DIGITS and any(_reads_as(pin, form) for form in ("%d%m%y", "%m%d%y", "%y%m%d"))


def _reads_as(pin: str, form: str) -> bool:
    try:
        dt.datetime.strptime(pin, form)  # noqa: DTZ007 a day, no moment
    except ValueError:
        return False
    return True
