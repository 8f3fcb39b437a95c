"""How messages about accounts read."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.services.sign_in import ACCOUNT_LOCKED
from audit import outbox
from audit.outbox import Mail


def register() -> None:
    outbox.register(ACCOUNT_LOCKED, account_locked)


def account_locked(facts: dict[str, Any]) -> Mail:
    where = ", ".join(filter(None, [facts["station"], facts["address"], facts["source"]]))
    lines = [
        _("The account %(name)s (%(username)s) was locked after %(count)s wrong passwords.")
        % {"name": facts["printed_name"], "username": facts["username"], "count": facts["failures"]},
        _("Last tried at: %(where)s") % {"where": where},
        _("Find out who tried, then unlock the account: %(url)s") % {"url": link("accounts:security")},
    ]
    subject = _("Account locked: %(username)s") % {"username": facts["username"]}
    return Mail(list(settings.SECURITY_EMAILS), subject, "\n".join(lines))


def link(name: str, **kwargs: Any) -> str:
    return settings.PUBLIC_URL.rstrip("/") + reverse(name, kwargs=kwargs)
