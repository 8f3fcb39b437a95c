"""Whether signatures are sealed, and a short wait for it right after signing."""

import time
from collections.abc import Callable, Sequence

import structlog
from django.conf import settings
from django.db import connection
from kombu.exceptions import OperationalError

from audit.models import Signature
from audit.tasks import seal_journal

log = structlog.get_logger(__name__)
LOOK_EVERY = 0.1  # seconds
SEALED = """
    SELECT e.pk FROM journal_entry e JOIN journal_leaf l ON l.entry_id = e.id
    WHERE e.table_name = 'audit_signature' AND e.op = 'I' AND e.pk = ANY (%s)
      AND e.tx_at >= %s::timestamptz - interval '1 day'
"""


def sealed_signatures(signatures: Sequence[Signature]) -> set[str]:
    """The keys of those whose journal entry is in the sealed tree."""
    if not signatures:
        return set()
    with connection.cursor() as cursor:  # a signature's entry is of the transaction that signed
        cursor.execute(SEALED, [[str(s.pk) for s in signatures], min(s.signed_at for s in signatures)])
        return {key for (key,) in cursor.fetchall()}


def wait_for_seal(signature: Signature) -> bool:
    """Ask the sealer, and look for the seal for SIGNATURE_SEAL_WAIT seconds at most. Call it after the commit."""
    return wait_until(lambda: bool(sealed_signatures([signature])))


def wait_until(is_sealed: Callable[[], bool]) -> bool:
    """The same for anything else; the sealer is asked only when there is something to seal."""
    if is_sealed():
        return True
    if settings.SIGNATURE_SEAL_WAIT <= 0:
        return False
    ends = time.monotonic() + settings.SIGNATURE_SEAL_WAIT
    _ask_sealer()
    while not is_sealed():
        if time.monotonic() + LOOK_EVERY > ends:
            return False
        time.sleep(LOOK_EVERY)
    return True


def _ask_sealer() -> None:
    """Beat asks every few seconds anyway; without a broker the signature is as good, and pending."""
    try:
        seal_journal.apply_async(retry=False, expires=4)
    except OperationalError as error:
        log.warning("sealer_not_asked", error=str(error))
