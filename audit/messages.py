"""How messages about the evidence read."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from audit import outbox
from audit.checkpoint import parse_text
from audit.checkpoint_mail import CHECKPOINT
from audit.models import IncidentKind
from audit.outbox import Mail, link
from audit.queries.witnesses import Standing
from audit.watch import ALARM


def register() -> None:
    outbox.register(ALARM, evidence_alarm)
    outbox.register(CHECKPOINT, checkpoint)


def evidence_alarm(facts: dict[str, Any]) -> Mail:
    subject, lines = _WORDS[IncidentKind(facts["alarm"])](facts)
    lines += [_("Look at it: %(url)s") % {"url": link("trail:integrity")}]
    return Mail(list(settings.SECURITY_EMAILS), subject, "\n".join(lines))


def checkpoint(facts: dict[str, Any]) -> Mail:
    """The text is the signed note and nothing else, so that the mail itself can be given to the verifier."""
    told = parse_text(facts["note"].partition("\n\n")[0] + "\n")
    subject = _("Checkpoint of %(log)s: %(size)s entries, %(at)s") % {
        "log": told.origin,
        "size": told.size,
        "at": told.extension("time") or "",
    }
    return Mail(list(settings.JOURNAL_WITNESS_EMAILS), subject, facts["note"])


def _seal_lag(facts: dict[str, Any]) -> tuple[str, list[str]]:
    return _("The audit trail is not being sealed"), [
        _("The oldest entry has been waiting for its seal since %(at)s.") % {"at": _utc(facts["oldest"])},
        _("Work goes on and everything is recorded, but nothing protects these entries against an administrator."),
        _("See whether the sealer runs, and whether a transaction has been open for long."),
    ]


def _partitions(facts: dict[str, Any]) -> tuple[str, list[str]]:
    lines = [_("The task that makes the months of the journal does not run.")]
    if facts["until"]:
        lines.insert(0, _("From %(at)s on every change will be refused.") % {"at": _utc(facts["until"])})
    else:
        lines.insert(0, _("The journal has no partition for this month: every change is refused."))
    return _("The audit trail runs out of months"), lines


def _verification(facts: dict[str, Any]) -> tuple[str, list[str]]:
    if facts["subject"] == "overdue":
        at = _utc(facts["last"]) if facts["last"] else _("never")
        return _("The audit trail was not verified"), [_("Last verified: %(at)s") % {"at": at}]
    return _("The verification of the audit trail found something"), [
        _("Log: %(log)s. Records: %(records)s. Database: %(database)s. Findings: %(count)s.") % facts,
        *facts["first"],
        _("Change nothing by hand: what is there is evidence."),
    ]


def _witness(facts: dict[str, Any]) -> tuple[str, list[str]]:
    lines = [_("The witness %(path)s %(what)s.") % {"path": facts["path"], "what": Standing(facts["standing"]).label}]
    if facts["size"]:
        lines.append(_("Its last checkpoint: %(size)s entries, epoch %(epoch)s, %(at)s") % facts)
    return _("A witness of the audit trail needs a look"), [*lines, *filter(None, [facts["error"]])]


_WORDS: dict[str, Callable[[dict[str, Any]], tuple[str, list[str]]]] = {
    IncidentKind.SEAL_LAG: _seal_lag,
    IncidentKind.PARTITIONS: _partitions,
    IncidentKind.VERIFICATION: _verification,
    IncidentKind.WITNESS: _witness,
}


def _utc(text: str) -> str:
    at = parse_datetime(text)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else text
