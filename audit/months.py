"""Taking months out of the journal, and dropping them. Done as the role that migrates, by functions that refuse."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
from django.conf import settings
from django.utils.translation import gettext as _

from audit.archive import ArchiveRefused
from audit.context import current_act, require

PERMISSION = "audit.add_journalarchive"


def detach_month(month: dt.date, *, reason: str) -> str:
    """Take the oldest month out of the journal; returns the name of the table it is kept in.

    Raises ArchiveRefused: too young, under a legal hold, no archive has exactly its entries, or some of them stand in
    no signed review of the audit trail.
    """
    with _asked("delete_month", reason) as owner:
        return str(owner.execute("SELECT journal_detach_month(%s)", [month]).fetchone()[0])  # type: ignore[index]


def drop_month(month: dt.date, *, reason: str) -> int:
    """Drop a month that was taken out; returns how many entries are in its archives only from now on.

    Raises ArchiveRefused: its retention has not passed, or its archives were not found intact within 30 days.
    """
    with _asked("delete_month", reason) as owner:
        return int(owner.execute("SELECT journal_drop_month(%s)", [month]).fetchone()[0])  # type: ignore[index]


@contextmanager
def _asked(code: str, reason: str) -> Iterator[psycopg.Connection]:
    require(PERMISSION)
    if not settings.DATABASE_OWNER_URL:
        raise ArchiveRefused(_("This needs DATABASE_OWNER_URL, as migrations do."))
    act = replace(current_act(), code=code, reason=reason).as_json()
    try:
        with psycopg.connect(settings.DATABASE_OWNER_URL, connect_timeout=5) as owner:
            owner.execute("SELECT set_config('genba.act', %s, true)", [act])
            yield owner
    except psycopg.errors.LockNotAvailable as busy:
        raise ArchiveRefused(_("Somebody reads the journal just now. Nothing was changed; try again.")) from busy
    except psycopg.Error as refused:
        if not (refused.sqlstate or "").startswith("GB"):
            raise
        raise ArchiveRefused(refused.diag.message_primary) from refused
