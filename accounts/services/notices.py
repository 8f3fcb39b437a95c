"""The owner of an account is told what happened to it, by a message queued in the same transaction."""

from accounts.models import User
from audit import outbox

ACCOUNT_NOTICE = "account_notice"


def tell_owner(user: User, what: str) -> None:
    if user.email:
        outbox.queue(ACCOUNT_NOTICE, user=str(user.pk), what=what)
