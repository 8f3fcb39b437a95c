"""Checkpoints by e-mail to the quality department: a witness in mailboxes that no database administrator can reach."""

from django.conf import settings
from django.utils.translation import gettext as _

from audit import outbox
from audit.context import Dispatcher, act_as, require
from audit.errors import Conflict
from audit.journal import change
from audit.models import Outbox
from audit.queries.seal_state import seal_state

CHECKPOINT = "checkpoint"  # kind of message
SEND = "audit.send_journalseal"


def send() -> Outbox:
    """The newest checkpoint, because a person asks for it.

    Raises Conflict when there is none, or nobody to send it to.
    """
    require(SEND)
    note = seal_state().note
    if not note:
        raise Conflict(_("Nothing is sealed yet: there is no checkpoint to send."))
    if not settings.JOURNAL_WITNESS_EMAILS:
        raise Conflict(_("No address is set to send checkpoints to (JOURNAL_WITNESS_EMAILS)."))
    return _queue(note)


def send_daily() -> bool:
    """Returns whether there was anything to send, and somebody to send it to."""
    note = seal_state().note
    if not (note and settings.JOURNAL_WITNESS_EMAILS):
        return False
    with act_as(Dispatcher(), source="task:audit.mail_checkpoint"):
        _queue(note)
    return True


def _queue(note: str) -> Outbox:
    with change("send_checkpoint"):
        return outbox.queue(CHECKPOINT, note=note)
