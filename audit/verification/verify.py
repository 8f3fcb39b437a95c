"""The three questions together, and the record that they were asked."""

import datetime as dt
from collections.abc import Collection, Sequence
from pathlib import Path

import psycopg
import structlog
from django.utils import timezone

from audit.archive_reading import archive_folders
from audit.checkpoint import PublicKey
from audit.context import Installation, act_as
from audit.journal import change
from audit.models import VerificationRun
from audit.verification import guards, log, records, replay, witnesses
from audit.verification.report import DATABASE, LOG, QUESTIONS, RECORDS, Progress, Report, silent
from audit.verification.session import Session, opened
from audit.verification.shipped import journalled
from audit.witness import witness_files

logger = structlog.get_logger(__name__)


class Verification(Installation):
    """Who keeps the result."""

    printed_name = "Genba (verification)"


def verify(
    *, quick: bool = False, tables: Collection[str] = (), record: tuple[str, str] | None = None,
    witness: Sequence[Path] = (), keys: Sequence[PublicKey] = (), archives: Sequence[Path] = (),
    progress: Progress = silent,
) -> Report:  # fmt: skip
    """Ask the questions of the whole database, or of one record (table, key). Reads, and writes nothing."""
    report, answered = Report(progress), list[str]()
    try:
        with opened([*archive_folders(), *archives]) as session:
            epochs = _epochs(session, [*witness_files(), *witness], keys, report)
            if record:
                report.asked = [RECORDS]
                records.check_record(session, epochs, report, *record)
                return report
            report.asked = list(QUESTIONS)
            for question, ask in (
                (LOG, lambda: _ask_log(session, epochs, report, quick)),
                (RECORDS, lambda: _ask_records(session, report, quick)),
                (DATABASE, lambda: _ask_database(session, report, tables, quick)),
            ):
                ask()
                answered.append(question)
    except psycopg.Error as error:
        for question in [question for question in report.asked or QUESTIONS if question not in answered]:
            report.cannot(question, f"the database refuses: {str(error).strip()}")
    return report


def keep(report: Report, begun: dt.datetime, *, on_behalf_of: str = "") -> VerificationRun:
    """Keep the result, and say it aloud when it is not good."""
    if report.exit_code:
        logger.error("journal_not_verified", verdicts={name: report.verdict(name) for name in QUESTIONS},
                     first=[str(finding) for finding in report.findings[:5]])  # fmt: skip
    with act_as(Verification(), source="task:audit.verify", on_behalf_of=on_behalf_of), change("verify"):
        return VerificationRun.objects.create(
            begun=begun,
            ended=timezone.now(),
            entries=report.entries,
            epoch=report.epoch,
            checkpoint_size=report.size,
            findings_count=report.counts.total(),
            findings=report.as_json(),
            **{name: report.verdict(name) for name in QUESTIONS},
        )


def _epochs(session: Session, files: list[Path], keys: Sequence[PublicKey], report: Report) -> list[log.Epoch]:
    epochs = log.epochs_of(session)
    log.check_epochs(session, epochs, report, list(keys))
    witnesses.expect(session, epochs, files, report)
    if epochs:
        report.epoch, report.size = epochs[-1].number, epochs[-1].size
    return epochs


def _ask_log(session: Session, epochs: list[log.Epoch], report: Report, quick: bool) -> None:
    if not epochs:
        report.cannot(LOG, "nothing is sealed: no sealer has run")
        return
    for epoch in epochs:
        log.check_tree(session, epoch, report, quick=quick)
    log.check_strays(session, epochs, report)
    log.check_archives(session, report)
    if quick:
        report.remarks.append("Quick: the content of the entries was not compared with their seals.")


def _ask_records(session: Session, report: Report, quick: bool) -> None:
    records.check_steps(session, report)
    records.check_histories(session, report)
    if quick:
        report.remarks.append("Quick: signatures were not compared with what was signed.")
    else:
        records.check_signatures(session, report)


def _ask_database(session: Session, report: Report, tables: Collection[str], quick: bool) -> None:
    guards.check_guards(session, report)
    if quick:
        report.remarks.append("Quick: rows were not compared with the log.")
        return
    for unknown in sorted(set(tables) - set(journalled())):
        report.cannot(DATABASE, f"{unknown} is not in the journal")
    for name, journal in sorted(journalled().items()):
        if not tables or name in tables:
            replay.check_table(session, journal, report)
