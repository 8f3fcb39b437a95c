"""How messages about accounts read."""

from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services.notices import ACCOUNT_NOTICE
from accounts.services.passwords import PASSWORD_LINK, PASSWORD_NOTICE
from accounts.services.sign_in import ACCOUNT_LOCKED
from audit import outbox
from audit.outbox import Mail, link


def register() -> None:
    outbox.register(ACCOUNT_LOCKED, account_locked)
    outbox.register(PASSWORD_LINK, password_link)
    outbox.register(PASSWORD_NOTICE, password_notice)
    outbox.register(ACCOUNT_NOTICE, account_notice)


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


def password_link(facts: dict[str, Any]) -> Mail:
    """The token is made now and is nowhere but in this message."""
    user = User.objects.get(pk=facts["user"])
    key = urlsafe_base64_encode(force_bytes(user.pk))
    url = link("accounts:password-link", uidb64=key, token=default_token_generator.make_token(user))
    lines = [
        _("Set a new password for the account %(username)s within 24 hours:") % {"username": user.username},
        url,
        _("The link works once. Tell your administrator when you did not expect it."),
    ]
    return Mail([user.email], _("A new password for %(username)s") % {"username": user.username}, "\n".join(lines))


def password_notice(facts: dict[str, Any]) -> Mail:
    user = User.objects.get(pk=facts["user"])
    name = {"username": user.username}
    said = {
        "set": _("An administrator set a new password for your account %(username)s."),
        "first_used": _(
            "The password an administrator set for your account %(username)s was used and replaced by a new one."
        ),
        "link_used": _("A new password for your account %(username)s was set behind the link we sent."),
    }[facts["what"]]
    lines = [said % name, _("Tell your security people at once when that was not agreed with you.")]
    return Mail([user.email], _("New password for %(username)s") % name, "\n".join(lines))


def account_notice(facts: dict[str, Any]) -> Mail:
    user = User.objects.get(pk=facts["user"])
    name = {"username": user.username}
    said = {
        "totp_set": _("An authenticator app was set up for your account %(username)s."),
        "totp_revoked": _("The authenticator app of your account %(username)s was revoked by another person."),
        "code_issued": _("A temporary code for your account %(username)s was given out by another person."),
        "code_revoked": _("The temporary code of your account %(username)s was revoked by another person."),
        "pin_set": _("A new signing PIN was set for your account %(username)s."),
        "pin_revoked": _("The signing PIN of your account %(username)s was revoked by another person."),
    }[facts["what"]]
    lines = [said % name, _("Tell your security people at once when that was not agreed with you.")]
    return Mail([user.email], _("Your account %(username)s") % name, "\n".join(lines))
