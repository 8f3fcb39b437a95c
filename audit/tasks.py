import structlog
from celery import shared_task
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from audit import checkpoint_mail, outbox, sealing, timestamping, watch, witness
from audit.archive import verify_archives
from audit.context import act_as, named
from audit.models import Verdict
from audit.verification.verify import Verification, keep, verify

log = structlog.get_logger(__name__)
MONTHS_AHEAD = 3


@shared_task(name="audit.seal")
def seal_journal() -> int:
    """Seal what is new and hand the checkpoint to the witnesses. Returns how many entries were sealed.

    Runs where the sealer's address and key are: a worker that serves the queue `seal`.
    """
    if not (settings.DATABASE_SEALER_URL and settings.JOURNAL_KEY):
        log.error("journal_not_sealed", why="DATABASE_SEALER_URL and JOURNAL_KEY are not both set")
        return 0
    added = 0
    with sealing.connected() as database:
        for sealed in sealing.seal_all(database, sealing.signing_key()):
            added += sealed.added
            witness.publish(sealed.note)
    return added


@shared_task(name="audit.verify")
def verify_journal(asked_by: str = "") -> str:
    """Every night: log, records and database against each other. What it found is kept, and an error when it is bad.

    `asked_by`: the key of who asked for it at another time; the journal names both.
    """
    begun = timezone.now()
    on_behalf_of = named(get_user_model()._default_manager.get(pk=asked_by)) if asked_by else ""
    return str(keep(verify(), begun, on_behalf_of=on_behalf_of).pk)


@shared_task(name="audit.verify_archives")
def check_archives() -> int:
    """Every year: each archive of the journal is read again. What was found is kept, and an error when it is bad."""
    with act_as(Verification(), source="task:audit.verify_archives"):
        checks = verify_archives()
    bad = [f"{check.archive.name}: {check.verdict}" for check in checks if check.verdict != Verdict.INTACT]
    if bad:
        log.error("archives_not_verified", archives=bad)
    return len(checks)


@shared_task(name="audit.watch")
def watch_evidence() -> int:
    """Every minute: is there anything for which the records could be doubted? Returns how many alarms stand."""
    return len(watch.watch())


@shared_task(name="audit.measure_coverage")
def measure_coverage() -> bool:
    """How much of the critical records is protected (DBO-42), for the integrity page."""
    return watch.measure_coverage()


@shared_task(name="audit.mail_checkpoint")
def mail_checkpoint() -> bool:
    """Every day: the newest checkpoint to the quality department."""
    return checkpoint_mail.send_daily()


@shared_task(name="audit.timestamp")
def timestamp_checkpoint() -> bool:
    """A token of the time stamping authority over the newest checkpoint, once an hour; asked again after a failure."""
    return timestamping.stamp_when_due()


@shared_task(name="audit.make_partitions")
def make_partitions() -> int:
    """The months of the journal to come. A month without its partition would refuse every write."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT journal_make_partitions(%s)", [MONTHS_AHEAD])
        made: int = cursor.fetchone()[0]
    return made


@shared_task(name="audit.dispatch")
def dispatch_messages() -> int:
    """Safe to run twice, also at once: each message is taken by one worker."""
    return outbox.dispatch()
