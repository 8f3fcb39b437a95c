"""Reviews of the audit trail as a person makes them."""

import datetime as dt

from django.utils import timezone

from accounts.models import User
from audit.canonical import digest
from audit.context import act_as
from audit.signatures import Meaning
from mfg_project.trail.reviews import drafted, period_to_review, sign_review
from tests import factories


def reviewed(by: User, *, until: dt.datetime | None = None, scope: str = "", remarks=(), comment="As expected."):
    """The whole way of a person who reads, then signs."""
    until = until or timezone.now()
    with act_as(by, source="test"):
        period = period_to_review(scope=scope, until=until)
        read = digest(drafted(period, remarks=dict(remarks), conclusion=comment).signed_content())
        return sign_review(
            scope=scope,
            until=until,
            sealed=(period.checkpoint.epoch, period.checkpoint.size),
            remarks=dict(remarks),
            conclusion=comment,
            signing=factories.signing(Meaning.TRAIL_REVIEWED, digest=read),
        )
