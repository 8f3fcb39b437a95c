"""The right to sign: given by another person who saw a document, for a time, and ended with a reason."""

import datetime as dt
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import DocumentClass, SigningQualification, User
from accounts.services.statements import acknowledge_for_the_demo
from accounts.services.users import installing, system_user
from audit.context import require
from audit.errors import InvalidInput, NotFound
from audit.journal import change
from audit.records import guarded

QUALIFY = "accounts.add_signingqualification"
TOY_YEARS = dt.timedelta(days=10 * 365)


def qualify(
    *, user_id: UUID, document_class: str, training: str, valid_from: dt.date, valid_until: dt.date
) -> SigningQualification:
    """Record that the acting person checked who this is, and what they were instructed in about signing.

    Raises NotFound, InvalidInput (dates, document, training, oneself, no person) or MissingPermission.
    """
    actor = require(QUALIFY)
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise NotFound(_("This user does not exist."))
    if not user.is_person or user.is_station:
        raise InvalidInput(_("Only the account of one person can get the right to sign."))
    if not actor.is_person:
        raise InvalidInput(_("An identity is checked by a person."))
    right = SigningQualification(
        user=user,
        checked_by=actor,
        document_class=document_class,
        training=training.strip(),
        valid_from=valid_from,
        valid_until=valid_until,
    )
    try:
        right.clean_fields()
    except ValidationError as wrong:
        fields = {name: " ".join(texts) for name, texts in wrong.message_dict.items()}
        raise InvalidInput(" ".join(fields.values()), fields=fields) from wrong
    with guarded(SigningQualification), change("qualify_signer"):
        right.save(force_insert=True)
    return right


def end_qualification(*, qualification_id: UUID, reason: str) -> None:
    """From now on the right does not hold; that it held is kept."""
    require("accounts.change_signingqualification")
    with change("update_qualification", reason):
        right = SigningQualification.objects.select_for_update().filter(pk=qualification_id).first()
        if right is None:
            raise NotFound(_("This right to sign does not exist."))
        if right.ended_at is None:
            right.ended_at = timezone.now()
            right.save(update_fields=["ended_at"])


def qualify_for_the_demo(user: User) -> None:
    """People of a toy plant may sign at once; the installation says so. Safe to run again."""
    with installing("set_up_person"):
        acknowledge_for_the_demo(user)
        if user.qualifications.exists():
            return
        today = timezone.localdate()
        SigningQualification.objects.create(
            user=user,
            checked_by=system_user(),
            document_class=DocumentClass.EMPLOYEE_CARD,
            training="Demo plant",
            valid_from=today - TOY_YEARS,
            valid_until=today + TOY_YEARS,
        )
