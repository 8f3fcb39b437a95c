"""Every change of a signature policy: by who may, with a reason, as a new version that stays readable."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.db.models import Q
from django.utils.translation import gettext as _

from audit import records
from audit.context import require
from audit.errors import InvalidInput, NotFound
from audit.journal import change
from audit.meanings import Meaning
from audit.models import SignaturePolicy
from audit.policies import hold_still, role_words
from audit.transitions import Signed, signable_steps

MOST_SIGNATURES = 4
SIGN = "audit.add_signature"


def create_policy(
    *,
    record_label: str,
    transition: str,
    signatures: list[dict[str, Any]],
    author_may_sign: bool = False,
    is_active: bool = True,
    reason: str = "",
) -> SignaturePolicy:
    """Ask for signatures at a step that needs none so far. Raises InvalidInput, Conflict or MissingPermission."""
    require("audit.add_signaturepolicy")
    _check(record_label, transition, signatures, is_active)
    with change("create_signature_policy", reason):
        hold_still(changing=True)
        return records.create(
            SignaturePolicy(
                record_label=record_label,
                transition=transition,
                signatures=signatures,
                author_may_sign=author_may_sign,
                is_active=is_active,
            ),
            reason=reason,
        )


def update_policy(
    *, policy_id: UUID, expected_version: int | None = None, reason: str = "", **changes: Any
) -> SignaturePolicy:
    """Make the next version. What it is for is fixed; signatures under the version before must be given again.

    Raises NotFound, StaleVersion, InvalidInput, ReasonRequired or MissingPermission.
    """
    require("audit.change_signaturepolicy")
    if unknown := sorted(set(changes) - {"signatures", "author_may_sign", "is_active"}):
        raise InvalidInput(_("These fields cannot be set: %(fields)s.") % {"fields": ", ".join(unknown)})
    with change("update_signature_policy", reason):
        hold_still(changing=True)
        policy = SignaturePolicy.objects.select_for_update().filter(pk=policy_id).first()
        if policy is None:
            raise NotFound(_("This policy does not exist."))
        wanted = changes.get("signatures", policy.signatures)
        _check(policy.record_label, policy.transition, wanted, changes.get("is_active", policy.is_active))
        return records.update(policy, expected_version=expected_version, reason=reason, **changes)


def _check(label: str, transition: str, signatures: list[dict[str, Any]], is_active: bool) -> None:
    if (label, transition) not in signable_steps():
        raise InvalidInput(_("This step of this type of record cannot be signed."))
    if not 1 <= len(signatures) <= MOST_SIGNATURES:
        raise InvalidInput(_("Ask for 1 to %(most)s signatures.") % {"most": MOST_SIGNATURES})
    _model, edge = signable_steps()[label, transition]
    if edge.signed is Signed.ALWAYS and not is_active:
        raise InvalidInput(_("This step is always signed: its policy can be changed, not put out of force."))
    for number, one in enumerate(signatures, 1):
        _check_one(number, one)
    _may_take(signatures[-1]["roles"], edge.permission)


def _check_one(number: int, one: dict[str, Any]) -> None:
    meanings, roles = one.get("meanings") or [], one.get("roles") or []
    if set(one) != {"meanings", "roles"} or not meanings or not roles:
        raise InvalidInput(_("Signature %(n)s needs a meaning and a role.") % {"n": number})
    if unknown := sorted({*meanings} - {*Meaning.values}):
        raise InvalidInput(_("Unknown meaning: %(meanings)s.") % {"meanings": ", ".join(unknown)})
    if others := sorted({*roles} - roles_that_sign()):
        raise InvalidInput(_("These roles sign nothing: %(roles)s.") % {"roles": role_words(others)})


def _may_take(roles: list[str], permission: str) -> None:
    """The last signature takes the step, so who gives it needs the right to."""
    app_label, codename = permission.split(".")
    holders = Permission.objects.filter(content_type__app_label=app_label, codename=codename)
    able = set(Group.objects.filter(permissions__in=holders).values_list("name", flat=True))
    if others := sorted({*roles} - able):
        raise InvalidInput(
            _("The last signature takes the step, which these roles may not do: %(roles)s.")
            % {"roles": role_words(others)}
        )


def roles_that_sign() -> set[str]:
    app_label, codename = SIGN.split(".")
    condition = Q(permissions__content_type__app_label=app_label, permissions__codename=codename)
    return set(Group.objects.filter(condition).values_list("name", flat=True))
