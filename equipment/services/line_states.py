"""The one door to line states."""

import datetime as dt
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.context import current_act, require
from audit.errors import InvalidInput, NotFound
from audit.journal import change
from audit.records import guarded
from equipment.enums import LineState, ReasonKind, StateSource
from equipment.events import publish_line
from equipment.models import LineStateInterval, ProductionLine, ReasonCode
from equipment.scope import require_line

CLOCK_TOLERANCE = dt.timedelta(seconds=60)


def set_line_state(
    *,
    line_id: UUID,
    state: str,
    at: dt.datetime | None = None,
    reason_id: UUID | None = None,
    comment: str = "",
    source: str = StateSource.PERSON,
) -> LineStateInterval:
    """Close the line's open interval at `at` (default: now) and open one in `state`.

    The same state again only adds what is new: a reason explains the open interval; another reason than the one it
    has begins another interval. Raises NotFound, InvalidInput (unknown state, a moment in the future or before the
    open interval began), MissingPermission or OutsideScope (another's line), and then leaves nothing changed.
    """
    actor = require("equipment.set_line_state")
    _check_known(state)
    reason = _stop_reason(reason_id)
    with change("set_line_state"):
        line = _locked_line(line_id)
        current = line.state_intervals.filter(ended_at=None).first()
        at = _moment(at, current)
        if current and current.state == state and reason in (None, current.reason):
            return current
        if current and current.state == state and reason and current.reason is None:
            return _explain(current, reason, comment or current.comment)
        interval = LineStateInterval(line=line, state=state, reason=reason, comment=comment, source=source)
        interval.reported_by = actor
        if reason:
            interval.explained_by, interval.explained_at = actor, timezone.now()
        with guarded(LineStateInterval):
            interval.started_at = _close(current, at) if current else at
            interval.save(force_insert=True)
        transaction.on_commit(partial(publish_line, line.pk))
    return interval


def explain_interval(*, interval_id: int, reason_id: UUID, comment: str = "") -> LineStateInterval:
    """Say why a line stopped. Explaining again replaces the reason; the history keeps both."""
    require("equipment.set_line_state")
    reason = _stop_reason(reason_id)
    with change("explain_interval"):
        interval = LineStateInterval.objects.select_for_update().filter(pk=interval_id).first()
        if interval is None:
            raise NotFound(_("This stop does not exist."))
        require_line(interval.line_id)
        return _explain(interval, reason, comment)


def record_past_states(*, line_id: UUID, intervals: list[LineStateInterval], source: str) -> int:
    """Insert closed intervals of the past in one go (import). Overlaps are refused as a whole."""
    actor = require("equipment.set_line_state")
    with change("record_past_states"), guarded(LineStateInterval):
        line = _locked_line(line_id)
        for interval in intervals:
            interval.line, interval.source, interval.reported_by = line, source, actor
        LineStateInterval.objects.bulk_create(intervals, batch_size=2000)
        transaction.on_commit(partial(publish_line, line.pk))
    return len(intervals)


def _explain(interval: LineStateInterval, reason: ReasonCode | None, comment: str) -> LineStateInterval:
    interval.reason, interval.comment = reason, comment
    interval.explained_by, interval.explained_at = current_act().actor, timezone.now()
    interval.save(update_fields=["reason", "comment", "explained_by", "explained_at"])
    transaction.on_commit(partial(publish_line, interval.line_id))
    return interval


def _check_known(state: str) -> None:
    if state not in LineState.values:
        raise InvalidInput(
            _("Unknown line state “%(state)s”. Known: %(known)s.")
            % {"state": state, "known": ", ".join(LineState.values)},
            fields={"state": _("Unknown line state.")},
        )


def _close(interval: LineStateInterval, at: dt.datetime) -> dt.datetime:
    """End an open interval; two facts in one clock tick keep their order and leave no empty interval."""
    interval.ended_at = max(at, interval.started_at + dt.timedelta(microseconds=1))
    interval.save(update_fields=["ended_at"])
    return interval.ended_at


def _locked_line(line_id: UUID) -> ProductionLine:
    """The line, locked, for who works on it."""
    line = ProductionLine.objects.select_for_update(no_key=True).filter(pk=line_id).first()
    if line is None:
        raise NotFound(_("This production line does not exist."))
    require_line(line.pk)
    return line


def _stop_reason(reason_id: UUID | None) -> ReasonCode | None:
    if reason_id is None:
        return None
    reason = ReasonCode.objects.filter(pk=reason_id, kind=ReasonKind.STOP, is_active=True).first()
    if reason is None:
        raise NotFound(_("This stop reason does not exist."))
    return reason


def _moment(at: dt.datetime | None, open_interval: LineStateInterval | None) -> dt.datetime:
    now = timezone.now()
    at = at or now
    if timezone.is_naive(at):
        raise InvalidInput(
            _("A time needs its zone, e.g. 2026-01-31T08:00:00+09:00."), fields={"at": _("Zone missing.")}
        )
    if at > now + CLOCK_TOLERANCE:
        raise InvalidInput(_("The moment lies in the future."), fields={"at": _("In the future.")})
    if open_interval and at < open_interval.started_at:
        raise InvalidInput(
            _("The line has been in its present state since %(since)s; a change cannot lie before that.")
            % {"since": open_interval.started_at.isoformat(timespec="seconds")},
            fields={"at": _("Before the present state began.")},
        )
    return at
