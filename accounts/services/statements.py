"""The statement everybody who signs has read, and who acknowledged which revision of it."""

import datetime as dt
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Acknowledgement, SigningStatement, User
from audit.context import current_act, require
from audit.errors import InvalidInput, StaleVersion
from audit.journal import change
from audit.records import guarded

ISSUE = "accounts.add_signingstatement"


def in_force() -> SigningStatement | None:
    return SigningStatement.in_force(timezone.localdate()).first()


def issue(*, text_en: str, text_ja: str, effective_from: dt.date) -> SigningStatement:
    """The next revision. From its day on nobody signs who has not acknowledged it.

    Raises InvalidInput (text, a day that has passed), Conflict or MissingPermission.
    """
    require(ISSUE)
    if effective_from < timezone.localdate():
        text = _("A revision holds from today or a later day.")
        raise InvalidInput(text, fields={"effective_from": text})
    with guarded(SigningStatement), change("issue_signing_statement"):
        last = SigningStatement.objects.aggregate(last=Max("revision"))["last"] or 0
        statement = SigningStatement(
            revision=last + 1, text_en=text_en.strip(), text_ja=text_ja.strip(), effective_from=effective_from
        )
        try:
            statement.clean_fields()
        except ValidationError as wrong:
            fields = {name: " ".join(texts) for name, texts in wrong.message_dict.items()}
            raise InvalidInput(" ".join(fields.values()), fields=fields) from wrong
        statement.save(force_insert=True)
    return statement


def acknowledge(*, statement_id: UUID | None) -> None:
    """The acting person has read this revision. Raises StaleVersion when another one holds by now."""
    user = current_act().actor
    statement = in_force()
    if statement is None or statement.pk != statement_id:
        raise StaleVersion(_("There is a newer revision. Read that one."), version=statement and statement.revision)
    if not user.is_person or user.is_station:
        raise InvalidInput(_("Only the account of one person acknowledges."))
    with change("acknowledge_statement"):
        Acknowledgement.objects.get_or_create(user=user, statement=statement)


def acknowledge_for_the_demo(user: User) -> None:
    """Inside an installation's change. People of a toy plant have read everything."""
    statement = in_force()
    if statement:
        Acknowledgement.objects.get_or_create(user=user, statement=statement)
