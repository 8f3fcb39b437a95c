"""The signing PIN of who signs in at a provider: what only this person knows here, as there is no password.

Its owner sets it, freshly confirmed by the provider: an open session alone must not be enough to sign.
"""

from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import confirmations
from accounts.services.authenticators import REVOKE
from accounts.services.notices import tell_owner
from accounts.services.passwords import held_for_another
from accounts.validators import check_pin
from audit import signing_windows
from audit.context import require
from audit.errors import InvalidInput
from audit.journal import change
from audit.models import SecurityEventKind as Kind
from audit.models import WindowEnd
from audit.security import note

FIELDS = ("signing_pin", "previous_pins", "pin_changed_at")


def set_own(user: User, pin: str) -> None:
    """Raises InvalidInput: signs with a password, a weak PIN, or the provider has not just confirmed who it is."""
    with change("set_own_pin"):
        row = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if not row.uses_provider:
            raise InvalidInput(_("Your account has a password; it signs with that."))
        try:
            check_pin(pin, row)
        except ValidationError as weak:
            text = " ".join(weak.messages)
            raise InvalidInput(text, fields={"pin": text}) from weak
        if not confirmations.use(row):
            raise InvalidInput(confirmations.asks_for_one())
        kept = [row.signing_pin, *row.previous_pins.split()] if row.signing_pin else row.previous_pins.split()
        row.previous_pins = "\n".join(kept[: settings.PASSWORD_HISTORY])
        row.signing_pin, row.pin_changed_at = make_password(pin), timezone.now()
        row.save(update_fields=FIELDS)
        note(Kind.PIN_SET, user=row)
        signing_windows.close_of(row, WindowEnd.PASSWORD)
        tell_owner(row, "pin_set")


def revoke(*, user_id: UUID, reason: str) -> None:
    """Somebody else may know it: nothing is signed with it from now on. Its owner sets a new one."""
    require(REVOKE)
    with change("update_signing_pin", reason):
        user = held_for_another(user_id)
        if not user.signing_pin:
            raise InvalidInput(_("This account has no signing PIN."))
        forget(user)
        user.save(update_fields=FIELDS)
        note(Kind.PIN_REVOKED, user=user, detail=reason)
        signing_windows.close_of(user, WindowEnd.PASSWORD)
        tell_owner(user, "pin_revoked")


def forget(row: User) -> None:
    """Its hash is kept among the former ones, so that it does not come back."""
    kept = [row.signing_pin, *row.previous_pins.split()]
    row.previous_pins = "\n".join(filter(None, kept[: settings.PASSWORD_HISTORY]))
    row.signing_pin, row.pin_changed_at = "", None
