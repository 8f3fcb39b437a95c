"""One change: a transaction whose journal entries say who, what and why."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext as _

from audit.context import Act, acting, current_act
from audit.database.base import DatabaseWrapper
from audit.errors import JournalUnavailable, ReasonRequired, RecordKept, UnattributedWrite
from audit.record_types import type_label

NO_ACTOR, NO_REASON, KEPT = "GB401", "GB422", "GB403"
JOURNAL = "journal_entry"


@contextmanager
def change(code: str, reason: str = "") -> Iterator[Act]:
    """Everything written inside is one act: `code` says what is done ("release"), `reason` why, in a person's words.

    Inside another change the outer code stays: it names the whole. Raises ReasonRequired when the database wants
    more of a reason; nothing is written then.
    """
    act = current_act()
    act = replace(act, code=act.code or code, reason=act.reason or reason)
    try:
        with acting(act), transaction.atomic(), _told(act):
            yield act
    except DatabaseError as error:
        state = getattr(error.__cause__, "sqlstate", None)
        if state == NO_REASON:
            raise _no_reason() from error
        if state == NO_ACTOR:
            raise UnattributedWrite(str(error)) from error
        if state == KEPT:
            raise _kept(error) from error
        if (getattr(getattr(error.__cause__, "diag", None), "table_name", None) or "").startswith(JOURNAL):
            raise JournalUnavailable(str(error)) from error
        raise


def demand_reason(reason: str) -> None:
    """For an act that adds rows only, and has to be explained all the same. The database judges, as of changes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT journal_reason_says_something(%s)", [reason])
        (says_something,) = cursor.fetchone()
    if not says_something:
        raise _no_reason()


def _no_reason() -> ReasonRequired:
    text = _("Say why: what is recorded is changed only with a reason.")
    return ReasonRequired(text, fields={"reason": text})


def _kept(error: DatabaseError) -> RecordKept:
    """What the database said in its detail (`retention_refusal`), as a person reads it."""
    facts = json.loads(error.__cause__.diag.message_detail)  # type: ignore[union-attr]
    names = {"record": f"{type_label(facts['table'])} {facts['key']}"}
    if facts["hold"]:
        text = _("Nothing was deleted: %(record)s is under a legal hold since %(date)s.")
        return RecordKept(text % (names | {"date": facts["hold"][:10]}), **facts)
    text = _("Nothing was deleted: %(record)s has to be kept until %(date)s.")
    return RecordKept(text % (names | {"date": facts["until"][:10]}), **facts)


@contextmanager
def _told(act: Act) -> Iterator[None]:
    """A transaction begun for this act knows it from its BEGIN; one that runs already is told, and told back."""
    database = cast(DatabaseWrapper, connection)
    before, now = database.told, act.as_json()
    if before == now:
        yield
        return
    database.tell(now)
    try:
        yield
    except BaseException:
        database.told = before  # the savepoint that is rolled back takes the setting along
        raise
    database.tell(before)
