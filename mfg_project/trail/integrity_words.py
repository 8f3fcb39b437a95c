"""The facts about the evidence's health in words: the answer first, then why."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.exempt import EXEMPT
from audit.models import IncidentKind, Verdict, VerificationRun
from audit.queries.coverage import Coverage
from audit.queries.health import Health, Level
from audit.queries.seal_state import MOST, OpenTransaction
from audit.queries.witnesses import CONTRADICTS, Standing, WitnessState
from audit.watch import LAG_ALARM, LAG_NOTICED, MONTHS_NEEDED
from mfg_project.common.formats import UNKNOWN, Moment, duration, exact, moment, number
from mfg_project.trail.names import journalled_models

FINDINGS_SHOWN = 10
VERDICTS = {
    Level.GOOD: gettext_lazy("Yes. The records can be trusted."),
    Level.ATTENTION: gettext_lazy("Yes, but somebody has to look at this."),
    Level.BAD: gettext_lazy("No. Do not rely on the records before this is settled."),
}
# Without these nobody knows: the answer is not a yes.
UNPROVEN = {"never_verified", "not_checked", "verification_overdue"}
NOT_PROVEN = gettext_lazy("Not proven. The records have to be verified first.")
# What each reason says, and the card that explains it
WORDS: dict[str, tuple[Promise, str]] = {
    "never_verified": (gettext_lazy("Nothing was ever verified."), "verification"),
    "altered": (gettext_lazy("The last verification found something that was altered."), "verification"),
    "not_checked": (gettext_lazy("The last verification could not check everything."), "verification"),
    "verification_overdue": (gettext_lazy("The nightly verification did not run."), "verification"),
    "witness_contradicts": (gettext_lazy("A witness contradicts the log."), "witnesses"),
    "witness_silent": (gettext_lazy("A witness cannot be asked, or is not told any more."), "witnesses"),
    "no_witness": (gettext_lazy("No witness file is named: nothing outside knows the log."), "witnesses"),
    "first_look": (gettext_lazy("Not yet looked: the first look comes within a minute."), "witnesses"),
    "watch_silent": (gettext_lazy("Nobody watches: the background worker does not report."), "witnesses"),
    "not_sealed": (gettext_lazy("New entries are not being sealed."), "seals"),
    "seal_late": (gettext_lazy("Sealing is late."), "seals"),
    "timestamp_late": (gettext_lazy("The time stamping authority has not answered for two hours."), "seals"),
    "review_overdue": (gettext_lazy("The review of the audit trail is overdue."), "review"),
    "rights": (gettext_lazy("The application may do more in the database than it must."), "database"),
    "partitions": (gettext_lazy("The journal runs out of months to write into."), "database"),
    "coverage_unknown": (gettext_lazy("How much is protected was not measured lately."), "coverage"),
    "coverage": (gettext_lazy("Not every critical record is protected."), "coverage"),
    "open_transactions": (gettext_lazy("A transaction has been open for long; it holds the seals back."), "database"),
}
QUESTIONS = (
    ("log", gettext_lazy("Is the log intact?")),
    ("records", gettext_lazy("Are the records intact?")),
    ("database", gettext_lazy("Does the database equal the log?")),
)
# Table of DBO-42, what people call it, and its list in the administration
CRITICAL = {
    "work_orders": (gettext_lazy("Work orders"), "production_workorder"),
    "batch_records": (gettext_lazy("Batches"), "production_batch"),
    "quality_checks": (gettext_lazy("Quality checks"), "quality_qualitycheck"),
}
VERDICT_TONES = {Verdict.INTACT: "good", Verdict.ALTERED: "danger", Verdict.UNCHECKED: "attention"}
TONES = {Level.GOOD: "good", Level.ATTENTION: "attention", Level.BAD: "danger"}
ICONS = {"good": "circle-check", "attention": "triangle-alert", "danger": "octagon-x"}


@dataclass(frozen=True, slots=True)
class Said:
    text: str
    tone: str = ""
    url: str = ""

    @property
    def icon(self) -> str:
        return ICONS.get(self.tone, "info")


def _verdict(health: Health) -> str:
    unproven = health.level == Level.ATTENTION and any(each.code in UNPROVEN for each in health.reasons)
    return str(NOT_PROVEN if unproven else VERDICTS[health.level])


def integrity_context(health: Health) -> dict[str, Any]:
    seals, now = health.seals, health.now
    return {
        "level": health.level.value,
        "verdict": Said(_verdict(health), TONES[health.level]),
        "as_of": moment(now),
        "reasons": [_reason(each.level, each.code) for each in health.reasons],
        "questions": _questions(health.verification),
        "run": _run(health),
        "lag": _lag(health),
        "pending": f"{number(MOST)}+" if seals.pending > MOST else number(seals.pending),
        "oldest": moment(seals.oldest, now=now),
        "sealed": number(seals.size),
        "sealed_in_all": number(seals.sealed_in_all),
        "sealed_at": moment(seals.sealed_at, now=now),
        "root": seals.root,
        "epoch": seals.epoch,
        "epoch_began": moment(seals.began_at, now=now),
        "epoch_reason": seals.reason,
        "timestamp": _timestamp(health),
        "coverage": [_coverage(row) for row in health.coverage.rows] if health.coverage else [],
        "measured": moment(health.coverage.at, now=now) if health.coverage else None,
        "witnesses": [_witness(each, now) for each in health.witnesses],
        "watched": moment(health.watched_at, now=now),
        "is_first_look_due": health.is_first_look_due,
        "months": Said(
            _("%(n)s months ahead") % {"n": health.partitions.ahead},
            "good" if health.partitions.ahead >= MONTHS_NEEDED else "danger",
        ),
        "months_until": moment(health.partitions.until, now=now),
        "transactions": [_transaction(each, now) for each in health.open_transactions],
        "rights": health.excess_of_rights,
        "incidents": [
            {
                "text": str(IncidentKind(each.kind).label),
                "subject": each.subject if each.kind == IncidentKind.WITNESS else "",
                "since": moment(each.began_at, now=now),
                "is_acknowledged": each.message.acknowledged_at is not None,
            }
            for each in health.incidents
        ],
        "review": review_words(health, now),
        "exempt": sorted(EXEMPT.items()),
    }


def review_words(health: Health, now: dt.datetime) -> dict[str, Any]:
    due = health.review
    if due.is_overdue:
        state = Said(_("Overdue"), "attention")
    else:
        state = Said(_("Reviewed") if due.last else _("Not due yet"), "good" if due.last else "")
    return {
        "state": state,
        "until": moment(due.last.until, now=now) if due.last else None,
        "due": moment(due.due_at, now=now),
        "last_url": reverse("trail:review", args=[due.last.pk]) if due.last else "",
    }


def _reason(level: Level, code: str) -> Said:
    text, card = WORDS[code]
    return Said(str(text), TONES[level], f"#{card}")


def _questions(run: VerificationRun | None) -> list[dict[str, Any]]:
    found = []
    for name, question in QUESTIONS:
        verdict = Verdict(getattr(run, name)) if run else Verdict.UNCHECKED
        found.append({"question": question, "answer": Said(str(verdict.label), VERDICT_TONES[verdict])})
    return found


def _run(health: Health) -> dict[str, Any] | None:
    run = health.verification
    if run is None:
        return None
    return {
        "ended": moment(run.ended, now=health.now),
        "took": duration((run.ended - run.begun).total_seconds()),
        "entries": number(run.entries),
        "url": reverse("admin:audit_verificationrun_change", args=[run.pk]),
        "count": run.findings_count,
        "findings": [_finding(each) for each in run.findings[:FINDINGS_SHOWN]],
        "more": max(0, run.findings_count - FINDINGS_SHOWN),
    }


def _finding(found: dict[str, Any]) -> Said:
    """With the trail of the record it is about, where it is about one."""
    place = " · ".join(part for part in (found["table"], found["key"], found["field"]) if part)
    text = f"{place}: {found['message']}" if place else found["message"]
    is_record = found["table"] in journalled_models() and found["key"]
    return Said(text, "danger", reverse("trail:record", args=[found["table"], found["key"]]) if is_record else "")


def _lag(health: Health) -> Said:
    lag = health.seals.lag
    if not health.seals.pending:
        return Said(_("Everything is sealed"), "good")
    tone = "danger" if lag > LAG_ALARM else "attention" if lag > LAG_NOTICED else "good"
    return Said(_("%(time)s behind") % {"time": duration(lag.total_seconds())}, tone)


def _timestamp(health: Health) -> dict[str, Any] | None:
    stamp = health.timestamp
    if stamp is None and not (health.timestamp_is_late or health.timestamp_error):
        return None
    return {
        "at": moment(stamp.certified_at, now=health.now) if stamp else None,
        "size": number(stamp.size) if stamp else UNKNOWN,
        "authority": stamp.authority if stamp else "",
        "pk": stamp.pk if stamp else None,
        "error": health.timestamp_error,
        "is_late": health.timestamp_is_late,
    }


def _coverage(row: Coverage) -> dict[str, Any]:
    label, admin_list = CRITICAL.get(row.table_name, (row.table_name, ""))
    return {
        "label": label,
        "url": _admin_list(admin_list),
        "total": number(row.total_records),
        "protected": number(row.hash_protected_records),
        "signed": number(row.signed_records),
        "modified": number(row.modified_records),
        "percent": exact(row.integrity_coverage_percent),
        "is_whole": row.hash_protected_records == row.total_records,
    }


def _admin_list(name: str) -> str:
    try:
        return reverse(f"admin:{name}_changelist")
    except NoReverseMatch:
        return ""


def _witness(state: WitnessState, now: dt.datetime) -> dict[str, Any]:
    standing = Standing(state.standing)
    tone = "good" if standing is Standing.AGREES else "danger" if standing in CONTRADICTS else "attention"
    at: Moment | None = moment(parse_datetime(state.at), now=now) if state.at else None
    return {
        "path": state.path,
        "standing": Said(str(standing.label), tone),
        "at": at,
        "size": number(state.size) if state.size else UNKNOWN,
        "epoch": state.epoch or UNKNOWN,
        "error": state.error,
    }


def _transaction(each: OpenTransaction, now: dt.datetime) -> dict[str, Any]:
    parts = (each.application, each.user, f"pid {each.pid}" if each.pid else "")
    return {
        "text": " · ".join(part for part in parts if part),
        "state": each.state or _("of another role"),
        "for": duration((now - each.since).total_seconds()) if each.since else UNKNOWN,
    }
