"""What a reviewer looks at first: kinds of entries that need a second thought, as conditions the database decides."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from psycopg.sql import SQL, Composable, Literal

from audit.models import SecurityEventKind, Signature
from audit.queries.review import Period
from mfg_project.common.plant import current_plant
from mfg_project.trail.names import journalled_models
from production.models import ScheduledShift

EDIT_CODES = "^(update|void|delete)_"  # steps for which the database demands a reason
ACCOUNTS = (
    "accounts_user", "accounts_user_groups", "accounts_user_user_permissions", "auth_group", "auth_group_permissions",
    "accounts_signingqualification", "equipment_lineassignment",
)  # fmt: skip
FAILED = (SecurityEventKind.SIGNING_FAILED, SecurityEventKind.SIGNING_REFUSED, SecurityEventKind.LOCKED)
AROUND = dt.timedelta(days=7)  # a day off among working days is no plant without shifts
NIGHT_ENDS, NIGHT_BEGINS = dt.time(6), dt.time(22)  # where no shifts are planned


@dataclass(frozen=True, slots=True)
class Kind:
    code: str
    label: Any
    hint: Any


SIGNED_CHANGED = Kind("signed_changed", _("Edits of signed records"), _("Edited after somebody had signed the record."))
DELETED = Kind("deleted", _("Deletions"), _("A row that is no longer there."))
STRUCTURE = Kind(
    "structure", _("Structure of the database"), _("Tables, triggers and rights that were changed, as by an upgrade.")
)
EDITED = Kind("edited", _("Edits with a reason"), _("Recorded values that were changed afterwards."))
ACCOUNTS_CHANGED = Kind("accounts", _("Accounts and rights"), _("Who may do what, and who may sign."))
FAILED_SIGNING = Kind("failed_signing", _("Failed signings"), _("Wrong passwords at a signature, refusals and locks."))
OUT_OF_HOURS = Kind(
    "out_of_hours",
    _("Outside of shifts"),
    _("Done by people while no shift was planned; between 22:00 and 6:00 where none are planned at all."),
)
OWN = Kind("own", _("Your own acts"), _("Nobody reviews only what they did themselves."))
KINDS = (SIGNED_CHANGED, DELETED, STRUCTURE, EDITED, ACCOUNTS_CHANGED, FAILED_SIGNING, OUT_OF_HOURS, OWN)


def conditions(period: Period, reviewer: UUID) -> Mapping[str, Composable]:
    """On an entry `e`, by code of the kind."""
    return {
        SIGNED_CHANGED.code: SQL("(e.op IN ('U', 'D') AND e.reason_code ~ {codes} AND {signed})").format(
            codes=Literal(EDIT_CODES), signed=_was_signed()
        ),
        DELETED.code: SQL("e.op = 'D'"),
        STRUCTURE.code: SQL("e.op = 'S'"),
        EDITED.code: SQL("(e.op = 'U' AND e.reason_code ~ {codes})").format(codes=Literal(EDIT_CODES)),
        ACCOUNTS_CHANGED.code: SQL("e.table_name = ANY ({tables})").format(tables=Literal(list(ACCOUNTS))),
        FAILED_SIGNING.code: SQL("(e.table_name = 'audit_securityevent' AND e.new ->> 'kind' = ANY ({kinds}))").format(
            kinds=Literal([str(kind) for kind in FAILED])
        ),
        OUT_OF_HOURS.code: SQL("(e.actor_type = 'user' AND {outside})").format(outside=_outside(period)),
        OWN.code: SQL("(e.actor_id = {reviewer})").format(reviewer=Literal(reviewer)),
    }


def _was_signed() -> Composable:
    """Whether the record had a signature when the entry was made. Signatures name types, the journal tables."""
    labels = dict(Signature.objects.order_by().values_list("record_label", "record_label").distinct())
    tables = {model._meta.label_lower: table for table, model in journalled_models().items()}
    pairs = [(label, tables[label]) for label in sorted(labels) if label in tables]
    if not pairs:
        return SQL("false")
    named = SQL(", ").join(SQL("({}, {})").format(Literal(label), Literal(table)) for label, table in pairs)
    return SQL(
        "EXISTS (SELECT FROM audit_signature s JOIN (VALUES {named}) AS n (label, tbl) ON n.label = s.record_label"
        " WHERE n.tbl = e.table_name AND s.record_pk = e.pk AND s.signed_at < e.at)"
    ).format(named=named)


def _outside(period: Period) -> Composable:
    """Of every planned shift of every line; where none is planned around the period, at night."""
    shifts = ScheduledShift.objects.filter(
        is_cancelled=False, starts_at__lt=period.until + AROUND, ends_at__gt=period.since - AROUND
    ).order_by("starts_at")
    planned = merged(shifts.values_list("starts_at", "ends_at"))
    if planned:
        ranges = ",".join(f"[{starts.isoformat()},{ends.isoformat()})" for starts, ends in planned)
        return SQL("NOT e.at <@ {}::tstzmultirange").format(Literal(f"{{{ranges}}}"))
    return SQL("((e.at AT TIME ZONE {zone})::time < {ends} OR (e.at AT TIME ZONE {zone})::time >= {begins})").format(
        zone=Literal(current_plant().time_zone), ends=Literal(NIGHT_ENDS), begins=Literal(NIGHT_BEGINS)
    )


def merged(shifts: Iterable[tuple[dt.datetime, dt.datetime]]) -> list[tuple[dt.datetime, dt.datetime]]:
    """Of shifts in the order they begin, the stretches in which at least one runs."""
    found: list[tuple[dt.datetime, dt.datetime]] = []
    for starts, ends in shifts:
        if found and starts <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], ends)
        else:
            found.append((starts, ends))
    return found
