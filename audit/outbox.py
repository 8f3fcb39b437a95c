"""Messages that must arrive: queued with what they are about, sent by the beat, retried, escalated.

An app hands in how its kinds of message read (`register`); what is sent is made from facts and today's addresses.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from audit.context import Dispatcher, act_as, current_act
from audit.journal import change
from audit.models import Outbox

log = structlog.get_logger(__name__)

FIRST_PAUSE = dt.timedelta(seconds=15)
LONGEST_PAUSE = dt.timedelta(minutes=30)
ESCALATED_AFTER = dt.timedelta(minutes=15)
ESCALATION = "escalation"
AT_ONCE = 50  # messages of one run; the rest is for the next


@dataclass(frozen=True, slots=True)
class Mail:
    to: list[str]
    subject: str
    body: str


class NobodyToTell(RuntimeError):
    """The message has no address; it stays queued, and is seen as not delivered."""


_composers: dict[str, Callable[[dict[str, Any]], Mail]] = {}


def register(kind: str, compose: Callable[[dict[str, Any]], Mail]) -> None:
    _composers[kind] = compose


def composed(message: Outbox) -> Mail:
    """How it reads in the language that is active."""
    return _composers[message.kind](message.payload)


def link(name: str, **kwargs: Any) -> str:
    return settings.PUBLIC_URL.rstrip("/") + reverse(name, kwargs=kwargs)


def queue(kind: str, *, urgent: bool = False, **facts: Any) -> Outbox:
    """Call it in the transaction of what the message is about. An urgent one is escalated until acknowledged."""
    return Outbox.objects.create(kind=kind, urgent=urgent, payload=facts)


def waiting() -> QuerySet[Outbox]:
    """Urgent messages nobody has acknowledged, the newest first."""
    return Outbox.objects.filter(urgent=True, acknowledged_at=None).order_by("-made_at")


def acknowledge(messages: QuerySet[Outbox]) -> int:
    """The acting person has taken note; nothing is escalated any more."""
    with change("acknowledge"):
        return messages.filter(acknowledged_at=None).update(
            acknowledged_at=timezone.now(), acknowledged_by=current_act().actor
        )


def dispatch() -> int:
    """Send what is due and escalate what nobody acknowledged. Returns how many were delivered.

    Urgent ones and escalations go first: ordinary mail that is stuck must not fill a run before them.
    """
    with act_as(Dispatcher(), source="task:audit.dispatch"):
        _escalate()
        due = Outbox.objects.filter(delivered_at=None, next_try__lte=timezone.now())
        due = due.alias(first=Q(urgent=True) | Q(kind=ESCALATION)).order_by("-first", "next_try")
        return sum(_deliver(pk) for pk in due.values_list("pk", flat=True)[:AT_ONCE])


def _deliver(pk: UUID) -> bool:
    """At least once: a process killed after sending sends again. Two workers do not send the same one together."""
    with change("deliver"):
        message = Outbox.objects.select_for_update(skip_locked=True).filter(pk=pk, delivered_at=None).first()
        if message is None:
            return False
        message.attempts += 1
        try:
            _send(message)
        except Exception as error:  # any fault of the way there: name, network, mail server, missing address
            message.last_error = f"{type(error).__name__}: {error}"[:500]
            message.next_try = timezone.now() + min(FIRST_PAUSE * 2 ** (message.attempts - 1), LONGEST_PAUSE)
            log.error("message_not_delivered", kind=message.kind, attempts=message.attempts, error=message.last_error)
        else:
            message.delivered_at, message.last_error = timezone.now(), ""
        message.save()
    return message.delivered_at is not None


def _send(message: Outbox) -> None:
    with translation.override(settings.LANGUAGE_CODE):
        mail = _escalation(message) if message.kind == ESCALATION else composed(message)
    if not mail.to:
        raise NobodyToTell("no address; SECURITY_EMAILS or the account's e-mail is empty")
    EmailMessage(mail.subject, mail.body, to=mail.to).send()


def _escalate() -> None:
    late = waiting().filter(escalated_at=None, made_at__lte=timezone.now() - ESCALATED_AFTER)
    for pk in late.values_list("pk", flat=True):
        with change("escalate"):
            message = late.select_for_update(skip_locked=True).filter(pk=pk).first()
            if message:
                message.escalated_at = timezone.now()
                message.save(update_fields=["escalated_at"])
                queue(ESCALATION, of=str(message.pk))


def _escalation(message: Outbox) -> Mail:
    late = Outbox.objects.get(pk=message.payload["of"])
    mail = composed(late)
    note = _("Nobody has acknowledged this message of %(at)s UTC.") % {"at": f"{late.made_at:%Y-%m-%d %H:%M}"}
    return Mail(
        list(settings.SECURITY_ESCALATION_EMAILS),
        _("Not acknowledged: %(subject)s") % {"subject": mail.subject},
        f"{note}\n\n{mail.body}",
    )
