"""The watch over the evidence: every minute it asks what would let the records be doubted, and tells people once.

An incident is open from when it was noticed until it is no more; while it is, nobody is told again. Telling is the
outbox's: retried, and escalated until somebody acknowledges (docs/verification.md).
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import outbox
from audit.context import Installation, act_as
from audit.journal import change
from audit.models import Heartbeat, Incident, IncidentKind, JournalEntry, VerificationRun
from audit.queries.coverage import integrity_coverage
from audit.queries.seal_state import partitions, seal_state
from audit.queries.verification import last_run
from audit.queries.witnesses import Standing, WitnessState, witness_state
from audit.witness import witness_files

log = structlog.get_logger(__name__)

ALARM = "evidence_alarm"  # kind of message
WATCH, COVERAGE = "watch", "coverage"  # heartbeats
LAG_NOTICED = dt.timedelta(minutes=1)
LAG_ALARM = dt.timedelta(minutes=5)
MONTHS_NEEDED = 1
VERIFIED_WITHIN = dt.timedelta(hours=36)  # every night, and half a day for one that failed
MOST_OF_TIME = 50  # coverage is measured for at most one fiftieth of the time


class Watch(Installation):
    printed_name = "Genba (watch)"


@dataclass(frozen=True)
class Alarm:
    kind: IncidentKind
    subject: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def watch() -> list[Alarm]:
    """Ask everything, open and close incidents, and leave a heartbeat. What cannot be asked changes nothing."""
    now = timezone.now()
    found: list[Alarm] = []
    witnesses: list[WitnessState] = []
    with act_as(Watch(), source="task:audit.watch"):
        for kind, ask in (
            (IncidentKind.SEAL_LAG, _seal_lag),
            (IncidentKind.PARTITIONS, _partitions),
            (IncidentKind.VERIFICATION, _verification),
            (IncidentKind.WITNESS, lambda: _witnesses(witnesses)),
        ):
            alarms = _asked(kind, ask)
            if alarms is not None:
                _reconcile(kind, alarms)
                found += alarms
        facts = {"witnesses": [each.as_json() for each in witnesses]}
        Heartbeat.objects.update_or_create(name=WATCH, defaults={"at": now, "facts": facts})
    return found


def measure_coverage() -> bool:
    """How much of the critical records is protected. Reads them all: less often the longer that takes.

    Returns whether it was measured now.
    """
    last = Heartbeat.objects.filter(name=COVERAGE).first()
    now = timezone.now()
    if last and (now - last.at).total_seconds() < MOST_OF_TIME * last.facts["seconds"]:
        return False
    pending = seal_state().pending
    rows = [row.as_json() for row in integrity_coverage()]
    pending += seal_state().pending  # what was sealed or written meanwhile must not look unprotected
    took = (timezone.now() - now).total_seconds()
    facts = {"rows": rows, "pending": pending, "seconds": took}
    Heartbeat.objects.update_or_create(name=COVERAGE, defaults={"at": now, "facts": facts})
    return True


def _asked(kind: IncidentKind, ask: Callable[[], Iterable[Alarm]]) -> list[Alarm] | None:
    try:
        return list(ask())
    except Exception:  # one question that fails must not silence the others
        log.exception("watch_failed", kind=str(kind))
        return None


def _seal_lag() -> Iterable[Alarm]:
    state = seal_state()
    if state.lag > LAG_ALARM:
        assert state.oldest is not None  # noqa: S101 what has a lag waits
        yield Alarm(
            IncidentKind.SEAL_LAG,
            "",
            {"oldest": state.oldest.isoformat(), "pending": state.pending, "size": state.size},
        )


def _partitions() -> Iterable[Alarm]:
    months = partitions(timezone.now())
    if months.ahead < MONTHS_NEEDED:
        until = months.until.isoformat() if months.until else ""
        yield Alarm(IncidentKind.PARTITIONS, "", {"ahead": months.ahead, "until": until})


def _verification() -> Iterable[Alarm]:
    run = last_run()
    if is_overdue(run):
        yield Alarm(IncidentKind.VERIFICATION, "overdue", {"last": run.ended.isoformat() if run else ""})
    if run and not run.is_intact:
        verdicts = {name: getattr(run, name) for name in ("log", "records", "database")}
        first = [" · ".join(str(part) for part in found.values() if part) for found in run.findings[:5]]
        yield Alarm(
            IncidentKind.VERIFICATION,
            _findings_digest(run),
            {"run": run.pk, "ended": run.ended.isoformat(), "count": run.findings_count, "first": first} | verdicts,
        )


def is_overdue(run: VerificationRun | None) -> bool:
    """Nobody has asked for longer than a night; of a plant that began today nobody has to have asked yet."""
    since = run.ended if run else JournalEntry.objects.order_by("id").values_list("at", flat=True).first()
    return since is not None and timezone.now() - since > VERIFIED_WITHIN


def _findings_digest(run: VerificationRun) -> str:
    """The same findings are the same incident, night after night; another one is another."""
    text = json.dumps([run.findings_count, run.findings], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _witnesses(states: list[WitnessState]) -> Iterable[Alarm]:
    for path in witness_files():
        state = witness_state(path)
        states.append(state)
        if state.standing != Standing.AGREES and not _is_new_plant(state):
            yield Alarm(IncidentKind.WITNESS, state.path[:300], state.as_json())


def _is_new_plant(state: WitnessState) -> bool:
    """Before anything was sealed a witness has nothing to hold."""
    return state.standing in (Standing.EMPTY, Standing.UNREACHABLE) and seal_state().epoch == 0


def _reconcile(kind: IncidentKind, alarms: list[Alarm]) -> None:
    opened = {incident.subject: incident for incident in Incident.objects.filter(kind=kind, ended_at=None)}
    for alarm in alarms:
        if alarm.subject not in opened:
            _open(alarm)
    over = [incident.pk for subject, incident in opened.items() if subject not in {a.subject for a in alarms}]
    if over:
        with change("end_incident"):
            Incident.objects.filter(pk__in=over, ended_at=None).update(ended_at=timezone.now())


def _open(alarm: Alarm) -> None:
    """Note and message are kept together or not at all; of two watches at once one is told no by the database."""
    log.error("evidence_in_doubt", kind=str(alarm.kind), subject=alarm.subject, facts=alarm.facts)
    try:
        with change("open_incident"), transaction.atomic():
            message = outbox.queue(ALARM, urgent=True, alarm=alarm.kind, subject=alarm.subject, **alarm.facts)
            Incident.objects.create(kind=alarm.kind, subject=alarm.subject, facts=alarm.facts, message=message)
    except IntegrityError:
        log.info("incident_open_already", kind=str(alarm.kind), subject=alarm.subject)
