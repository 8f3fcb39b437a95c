"""Reviewing the audit trail: a signed record for a period, without gaps (Annex 11 clause 9, docs/decisions/0017)."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from audit.canonical import digest
from audit.context import current_act, require, uuid7
from audit.errors import Conflict, InvalidInput, StaleVersion
from audit.journal import change
from audit.models import TrailReview
from audit.queries.review import (
    REVIEWING,
    Found,
    Period,
    checkpoint_at,
    covers,
    look_through,
    review_due,
    unsealed_before,
)
from audit.queries.seal_state import seal_state
from audit.records import guarded
from audit.signatures import Meaning, Signing, refusals_kept, sign
from mfg_project.trail.access import require_trail_of_everything
from mfg_project.trail.names import journalled_models
from mfg_project.trail.review_kinds import conditions

REVIEW = "audit.add_trailreview"


def period_to_review(*, scope: str, until: dt.datetime, sealed: tuple[int, int] | None = None) -> Period:
    """The period that is next for this scope, up to `until`.

    `sealed` names the checkpoint (epoch, size) the reader was shown; without it the newest is taken.

    Raises InvalidInput when the end is in the future or not after the beginning, Conflict when nothing is recorded
    or a part of it is not sealed yet.
    """
    due = review_due(checked_scope(scope))
    if due.since is None:
        raise Conflict(_("Nothing is recorded yet."))
    if until > timezone.now():
        raise _wrong_end(_("The end of the period is in the future."))
    if until <= due.since:
        raise _wrong_end(_("The period ends before it begins: everything up to then is reviewed already."))
    seals = seal_state()
    checkpoint = checkpoint_at(*(sealed or (seals.epoch, seals.size)))
    if checkpoint is None:
        raise Conflict(_("Nothing is sealed yet, or a new epoch has begun."))
    if waiting := unsealed_before(until, checkpoint):
        raise Conflict(
            _("%(count)s entries of the period are not sealed yet. Try again in a few seconds, or look at the seals.")
            % {"count": waiting}
        )
    return Period(due.scope, due.since, until, due.last, checkpoint)


def checked_scope(scope: str) -> str:
    """Tables in order, with commas; "" is everything."""
    tables = sorted({name for name in scope.split(",") if name})
    if unknown := [name for name in tables if name not in journalled_models()]:
        raise InvalidInput(_("There is no such record type: %(name)s") % {"name": unknown[0]})
    return ",".join(tables)


def read_period(period: Period) -> Found:
    reviewer = require(REVIEW).pk
    require_trail_of_everything()
    return look_through(period, conditions(period, reviewer), reviewer=reviewer)


def drafted(period: Period, *, remarks: Mapping[int, str], conclusion: str) -> TrailReview:
    """The review as it would be signed now. Raises InvalidInput when a remark is on something else."""
    return _drafted(period, read_period(period), remarks, conclusion)


def sign_review(
    *,
    scope: str,
    until: dt.datetime,
    sealed: tuple[int, int] | None,
    remarks: Mapping[int, str],
    conclusion: str,
    signing: Signing,
) -> TrailReview:
    """Keep the review with its signature; `signing.digest` is of what the signer has read.

    Raises InvalidInput, StaleVersion when it is not what the signer has read, Conflict when somebody else was faster,
    SignatureRefused; and then nothing is kept.
    """
    require(REVIEW)
    with refusals_kept(), change(REVIEWING):
        period = period_to_review(scope=scope, until=until, sealed=sealed)
        review = drafted(period, remarks=remarks, conclusion=conclusion)
        if digest(review.signed_content()) != signing.digest:
            raise StaleVersion(_("The content changed since you opened it. Nothing was signed. Read it again."))
        with guarded(TrailReview):
            review.save(force_insert=True)
        sign(review, identity=signing.identity, meaning=Meaning.TRAIL_REVIEWED, comment=signing.comment)
    return review


def _drafted(period: Period, found: Found, remarks: Mapping[int, str], conclusion: str) -> TrailReview:
    if not conclusion.strip():
        said = _("Say what the review came to.")
        raise InvalidInput(said, fields={"conclusion": said})
    if found.by_people and found.by_people == found.by_reviewer:
        raise InvalidInput(_("Everything people did in this period was done by you. Somebody else has to review it."))
    return TrailReview(
        id=uuid7(),
        scope=period.scope,
        since=period.since,
        until=period.until,
        follows=period.follows,
        follows_until=period.follows.until if period.follows else None,
        entries=found.entries,
        counts=found.counts,
        exceptions=found.exceptions,
        remarks=_remarks(period, remarks),
        comment=conclusion.strip(),
        epoch=period.checkpoint.epoch,
        checkpoint_size=period.checkpoint.size,
        checkpoint_root=period.checkpoint.root,
        reviewer=current_act().actor,
    )


def _remarks(period: Period, remarks: Mapping[int, str]) -> list[dict[str, Any]]:
    said = {entry: text.strip() for entry, text in remarks.items() if text.strip()}
    places = covers(period, said) if said else {}
    if foreign := sorted(set(said) - set(places)):
        raise InvalidInput(_("Entry %(entry)s is not of this period.") % {"entry": foreign[0]})
    return [
        {"entry": entry, "table": places[entry][0], "record": places[entry][1], "comment": said[entry]}
        for entry in sorted(said)
    ]


def _wrong_end(text: str) -> InvalidInput:
    return InvalidInput(text, fields={"until": text})
