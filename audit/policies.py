"""How far the signing of a record's step has come, and who may sign next. What must be signed is data."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.translation import gettext as _

from audit.canonical import digest
from audit.models import Required, Signature, SignaturePolicy
from audit.models.signing import roles_named

# Who takes a step holds the shared half, who changes a policy the whole: in the log, each step stands clearly before
# or after each change of its policy.
LOCK = 0x47425350  # "GBSP"


@dataclass(frozen=True, slots=True)
class Round:
    """The signatures of one step of one record: what is asked for, what was given and still counts."""

    policy: SignaturePolicy
    given: tuple[Signature, ...]
    authors: frozenset[UUID]
    digest: str  # of the content as it is now

    @property
    def next(self) -> Required:
        return self.policy.steps[len(self.given)]

    @property
    def is_last(self) -> bool:
        """Whether the next signature takes the step."""
        return len(self.given) + 1 == len(self.policy.steps)

    @property
    def missing(self) -> tuple[Required, ...]:
        return self.policy.steps[len(self.given) :]

    def why_not(self, user: Any, roles: Collection[str] | None = None) -> str:
        """Why this user does not give the next signature, or ""."""
        held = role_names(user) if roles is None else roles
        if not set(self.next.roles) & set(held):
            return _("This signature is given by: %(roles)s.") % {"roles": role_words(self.next.roles)}
        if user.pk in self.authors and not self.policy.author_may_sign:
            return _("You made this record or changed it last: another person has to sign it.")
        if any(signature.signer_id == user.pk for signature in self.given):
            return _("You gave another signature of this step; this one is another person's.")
        return ""


def role_names(user: Any) -> frozenset[str]:
    return frozenset(group.name for group in user.groups.all())


def role_words(roles: Iterable[str]) -> str:
    """Roles as people call them; the names of groups are all that is known here."""
    words: str = get_user_model().role_words(roles)
    return words


def may_sign(user: Any) -> bool:
    """Whether a policy in force names a role of this user."""
    held = role_names(user)
    return bool(held) and bool(held & roles_named(SignaturePolicy.objects.filter(is_active=True)))


def active_policies(label: str = "", *, transitions: Collection[str] | None = None) -> dict[str, SignaturePolicy]:
    """Transition -> policy in force, of one type of record."""
    policies = SignaturePolicy.objects.filter(record_label=label, is_active=True)
    if transitions is not None:
        policies = policies.filter(transition__in=transitions)
    return {policy.transition: policy for policy in policies}


def hold_still(*, changing: bool = False) -> None:
    """Until this transaction ends no policy changes, or (`changing`) nobody takes a step."""
    function = "pg_advisory_xact_lock" if changing else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [LOCK])


def rounds_of(records: Sequence[Any], policies: Mapping[str, SignaturePolicy]) -> dict[Any, dict[str, Round]]:
    """Key of the record -> transition -> round, for records of one type. Two queries, whatever their number."""
    if not records or not policies:
        return {record.pk: {} for record in records}
    label = records[0]._meta.label_lower
    pasts = _pasts(records)
    parts: dict[str, list[Signature]] = {}
    rows = Signature.objects.filter(
        record_label=label, record_pk__in=[str(record.pk) for record in records], new_state=""
    ).filter(transition__in=policies)
    for row in rows.order_by("signed_at", "id"):
        parts.setdefault(row.record_pk, []).append(row)
    found: dict[Any, dict[str, Round]] = {}
    for record in records:
        past, now = pasts[str(record.pk)], digest(record.signed_content())
        authors = frozenset({record.created_by_id, past.editor} - {None})
        given = [row for row in parts.get(str(record.pk), []) if row.digest == now and row.record_version >= past.since]
        found[record.pk] = {
            name: Round(policy, _counting(policy, given), authors, now) for name, policy in policies.items()
        }
    return found


def _counting(policy: SignaturePolicy, given: Iterable[Signature]) -> tuple[Signature, ...]:
    """Those under the policy as it is now, in their order, without a gap. A full set would have taken the step."""
    by_step = {
        row.step_no: row
        for row in given
        if (row.transition, row.policy_id, row.policy_version) == (policy.transition, policy.pk, policy.version)
    }
    counting: list[Signature] = []
    for required in policy.steps[:-1]:
        if required.step not in by_step:
            break
        counting.append(by_step[required.step])
    return tuple(counting)


@dataclass(frozen=True, slots=True)
class _Past:
    """What the log knows: since which version status and content are as they are, and who changed the content last."""

    since: int
    editor: UUID | None


_PAST = """
    SELECT k.pk, coalesce(moved.version, 1), edited.actor_id FROM unnest(%(keys)s::text[]) k(pk)
    LEFT JOIN LATERAL (SELECT (e.new ->> 'version')::int AS version FROM journal_entry e
        WHERE e.table_name = %(table)s AND e.pk = k.pk AND (e.op = 'I' OR e.changed && %(moved)s::text[])
        ORDER BY e.id DESC LIMIT 1) moved ON true
    LEFT JOIN LATERAL (SELECT e.actor_id FROM journal_entry e
        WHERE e.table_name = %(table)s AND e.pk = k.pk AND (e.op = 'I' OR e.changed && %(content)s::text[])
        ORDER BY e.id DESC LIMIT 1) edited ON true
"""


def _pasts(records: Sequence[Any]) -> dict[str, _Past]:
    content = list(type(records[0]).SIGNED_COLUMNS)
    asked = {
        "keys": [str(record.pk) for record in records],
        "table": records[0]._meta.db_table,
        "content": content,
        "moved": [*content, "status"],
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAST, asked)
        return {key: _Past(since, editor) for key, since, editor in cursor.fetchall()}
