"""The story of an order as one list: steps, counts and edits, newest first."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from audit.models import StateChange
from mfg_project.common.formats import UNKNOWN, Moment, both_zones, moment, number
from production.enums import JobOrderStatus, WorkOrderStatus
from production.models import QuantityReport, WorkOrder
from production.queries.order_history import Edit
from production.transitions import JOB_ORDER
from production.views.signed_content import readable
from production.views.terminal_page import counted_words

STEP_ICONS = {
    "plan": "calendar",
    "release": "pen-line",
    "start": "play",
    "hold": "circle-pause",
    "resume": "play",
    "complete": "circle-check",
    "cancel": "circle-x",
}
QUIET_SOURCES = frozenset({"web", "test"})


@dataclass(frozen=True, slots=True)
class TimelineRow:
    at: dt.datetime
    when: Moment
    icon: str
    title: str
    by: str
    detail: str = ""
    door: str = ""  # where it came from, when not from a page
    tone: str = ""
    changes: list[tuple[str, str, str]] = field(default_factory=list)


def timeline(
    order: WorkOrder, steps: list[StateChange], reports: list[QuantityReport], edits: list[Edit]
) -> list[TimelineRow]:
    rows = [
        *_steps(order, steps),
        *_reports(order, reports),
        *(_edit(edit) for edit in edits),
        _row(order.created_at, icon="plus", title=_("Created"), by=str(order.created_by)),
    ]
    return sorted(rows, key=lambda row: row.at, reverse=True)


def _row(at: dt.datetime, **values: Any) -> TimelineRow:
    when = moment(at)
    assert when is not None  # noqa: S101 for the type checker: a time is given
    return TimelineRow(at=at, when=when, **values)


def _steps(order: WorkOrder, steps: list[StateChange]) -> Iterator[TimelineRow]:
    jobs = {str(job.pk): job for job in order.job_orders.all()}
    for step in steps:
        job = jobs.get(step.record_pk)
        if job:
            edge = JOB_ORDER.by_name.get(step.transition)
            title = _("Operation %(sequence)s %(name)s: %(status)s") % {
                "sequence": job.sequence,
                "name": job.operation_name,
                "status": JobOrderStatus(step.to_state).label,
            }
            held = step.to_state == JobOrderStatus.HELD
            icon = STEP_ICONS.get(edge.name if edge else "", "circle-dot")
        else:
            title = str(WorkOrderStatus(step.to_state).label)
            held = step.to_state == WorkOrderStatus.ON_HOLD
            icon = STEP_ICONS.get(step.transition, "circle-dot")
        yield _row(
            step.occurred_at,
            icon=icon,
            title=title,
            by=step.actor_name,
            detail=_step_detail(step),
            door="" if step.source in QUIET_SOURCES else step.source,
            tone="attention" if held else "",
        )


def _step_detail(step: StateChange) -> str:
    parts = [step.reason] if step.reason else []
    if step.signature:
        parts.insert(0, _("signed electronically"))
    return " · ".join(parts)


def _reports(order: WorkOrder, reports: list[QuantityReport]) -> Iterator[TimelineRow]:
    jobs = {job.pk: job for job in order.job_orders.all()}
    undone = {report.reverses_id for report in reports if report.reverses_id}
    for report in reports:
        job = jobs[report.job_order_id]
        said = counted_words(report)
        title = _("Operation %(sequence)s: %(counts)s") % {"sequence": job.sequence, "counts": said}
        notes = [report.reason.label if report.reason else "", report.comment]
        if report.reverses_id:
            notes.append(_("undoes an earlier report"))
        if report.pk in undone:
            notes.append(_("undone later"))
        yield _row(
            report.reported_at,
            icon="minus" if report.reverses_id else "plus",
            title=title,
            by=str(report.reported_by),
            detail=" · ".join(filter(None, notes)),
        )


def _edit(edit: Edit) -> TimelineRow:
    changes = [
        (_capital(str(model_field.verbose_name)), value_text(old), value_text(new))
        for model_field, old, new in edit.changes
    ]
    return _row(edit.at, icon="pen-line", title=_("Edited"), by=edit.by, detail=edit.reason, changes=changes)


def value_text(value: Any) -> str:
    """Any stored value of an order in words."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, dt.datetime):
        return both_zones(value)
    if isinstance(value, dict | list):
        return "; ".join(f"{path}: {text}" if path else text for path, text in readable(value))
    return str(value)


def _capital(text: str | Promise) -> str:
    return str(text)[:1].upper() + str(text)[1:]
