"""Can the records be trusted now? Every fact there is about that, for a constant number of queries.

What takes long or can hang (witnesses, coverage, the verification) was asked by a background task: its answer is here
with its age, and an answer that is too old is a reason for doubt itself.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import TextChoices
from django.utils import timezone

from audit.database.roles import excess_of_rights
from audit.models import Heartbeat, Incident, JournalEntry, Timestamp, Verdict, VerificationRun
from audit.models.review import EVERYTHING
from audit.queries.coverage import Coverage
from audit.queries.review import ReviewDue, review_due
from audit.queries.seal_state import OpenTransaction, Partitions, SealState, open_transactions, partitions, seal_state
from audit.queries.verification import last_run
from audit.queries.witnesses import CONTRADICTS, Standing, WitnessState
from audit.timestamping import EVERY, TIMESTAMP
from audit.watch import COVERAGE, LAG_ALARM, LAG_NOTICED, MONTHS_NEEDED, WATCH, is_overdue

WATCH_SILENT_AFTER = dt.timedelta(minutes=3)
COVERAGE_OLD_AFTER = dt.timedelta(hours=2)


class Level(TextChoices):
    GOOD = "good"
    ATTENTION = "attention"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the answer is not simply yes. `code` is one of WORDS of the integrity page."""

    level: Level
    code: str


@dataclass(frozen=True, slots=True)
class MeasuredCoverage:
    at: dt.datetime
    rows: list[Coverage]
    pending: int  # entries that were waiting for their seal just then


@dataclass(frozen=True, slots=True)
class Health:
    now: dt.datetime
    seals: SealState
    verification: VerificationRun | None
    is_verification_overdue: bool
    watched_at: dt.datetime | None
    witnesses: list[WitnessState]
    coverage: MeasuredCoverage | None
    partitions: Partitions
    open_transactions: list[OpenTransaction]
    excess_of_rights: list[str]
    incidents: list[Incident]
    timestamp: Timestamp | None
    timestamp_error: str
    review: ReviewDue
    is_first_look_due: bool  # of a plant so young that nothing was asked yet: unknown is not "nobody"

    @property
    def reasons(self) -> list[Reason]:
        """The worst first."""
        found = [*self._of_verification(), *self._of_witnesses(), *self._of_seals(), *self._of_database()]
        return sorted(found, key=lambda reason: reason.level is not Level.BAD)

    @property
    def level(self) -> Level:
        reasons = self.reasons
        return reasons[0].level if reasons else Level.GOOD

    def _of_verification(self) -> Iterator[Reason]:
        run = self.verification
        if run is None:
            yield Reason(Level.ATTENTION, "never_verified")
            return
        verdicts = {run.log, run.records, run.database}
        if Verdict.ALTERED in verdicts:
            yield Reason(Level.BAD, "altered")
        elif Verdict.UNCHECKED in verdicts:
            yield Reason(Level.ATTENTION, "not_checked")
        if self.is_verification_overdue:
            yield Reason(Level.ATTENTION, "verification_overdue")

    def _of_witnesses(self) -> Iterator[Reason]:
        standings = {each.standing for each in self.witnesses}
        if standings & CONTRADICTS:
            yield Reason(Level.BAD, "witness_contradicts")
        if standings - CONTRADICTS - {Standing.AGREES}:
            yield Reason(Level.ATTENTION, "witness_silent")
        if self.is_first_look_due:
            yield Reason(Level.ATTENTION, "first_look")
        elif self.watched_at is None or self.now - self.watched_at > WATCH_SILENT_AFTER:
            yield Reason(Level.ATTENTION, "watch_silent")
        elif not standings:
            yield Reason(Level.ATTENTION, "no_witness")

    def _of_seals(self) -> Iterator[Reason]:
        if self.seals.lag > LAG_ALARM:
            yield Reason(Level.BAD, "not_sealed")
        elif self.seals.lag > LAG_NOTICED:
            yield Reason(Level.ATTENTION, "seal_late")
        if self.timestamp_is_late:
            yield Reason(Level.ATTENTION, "timestamp_late")
        if self.review.is_overdue:
            yield Reason(Level.ATTENTION, "review_overdue")

    def _of_database(self) -> Iterator[Reason]:
        if self.excess_of_rights:
            yield Reason(Level.BAD, "rights")
        if self.partitions.ahead < MONTHS_NEEDED:
            yield Reason(Level.BAD, "partitions")
        if self.coverage is None and self.is_first_look_due:
            pass  # said above
        elif self.coverage is None or self.now - self.coverage.at > COVERAGE_OLD_AFTER:
            yield Reason(Level.ATTENTION, "coverage_unknown")
        elif self.unprotected > self.coverage.pending:
            yield Reason(Level.ATTENTION, "coverage")
        if self.open_transactions:
            yield Reason(Level.ATTENTION, "open_transactions")

    @property
    def unprotected(self) -> int:
        rows = self.coverage.rows if self.coverage else []
        return sum(row.total_records - row.hash_protected_records for row in rows)

    @property
    def timestamp_is_late(self) -> bool:
        """Only a plant that asks an authority can wait for it, and only for what was sealed since."""
        if not settings.JOURNAL_TSA_URL or not self.seals.note:
            return False
        if self.timestamp is None:
            return True
        is_newest = (self.timestamp.epoch, self.timestamp.size) == (self.seals.epoch, self.seals.size)
        return not is_newest and self.now - self.timestamp.at > 2 * EVERY


def health() -> Health:
    beats = {beat.name: beat for beat in Heartbeat.objects.all()}
    watched, run, seals = beats.get(WATCH), last_run(), seal_state()
    return Health(
        now=timezone.now(),
        seals=seals,
        verification=run,
        is_verification_overdue=is_overdue(run),
        watched_at=watched.at if watched else None,
        witnesses=[WitnessState(**facts) for facts in watched.facts["witnesses"]] if watched else [],
        coverage=_coverage(beats.get(COVERAGE)),
        partitions=partitions(seals.now),
        open_transactions=_holding(open_transactions(), seals),
        excess_of_rights=excess_of_rights(),
        incidents=list(Incident.objects.filter(ended_at=None).select_related("message").order_by("began_at")),
        timestamp=Timestamp.objects.defer("token").order_by("-id").first(),
        timestamp_error=beats[TIMESTAMP].facts["error"] if TIMESTAMP in beats else "",
        review=review_due(EVERYTHING),
        is_first_look_due=watched is None and _is_young(seals.now),
    )


def _is_young(now: dt.datetime) -> bool:
    """The watch looks once a minute; it has as long as a watch that ran before."""
    began = JournalEntry.objects.order_by("id").values_list("at", flat=True).first()
    return began is None or now - began <= WATCH_SILENT_AFTER


def _holding(found: list[OpenTransaction], seals: SealState) -> list[OpenTransaction]:
    """Of another role's transaction nobody tells the age: it counts while the seals are late."""
    return [each for each in found if each.since is not None or seals.lag > LAG_NOTICED]


def _coverage(beat: Heartbeat | None) -> MeasuredCoverage | None:
    if beat is None:
        return None
    facts: dict[str, Any] = beat.facts
    return MeasuredCoverage(beat.at, [Coverage.from_json(row) for row in facts["rows"]], facts["pending"])
