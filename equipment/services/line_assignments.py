"""The one door to who works on which line."""

from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from audit import records
from audit.context import require
from audit.errors import InvalidInput, NotFound
from audit.journal import change
from equipment.models import LineAssignment, ProductionLine
from equipment.scope import require_whole_plant

CHANGE_USERS = "accounts.change_user"


def assign_line(*, user_id: UUID, line_id: UUID, reason: str = "") -> LineAssignment:
    """Let a user work on a line; with the first one it works on its lines only. A line taken back is given again.

    Raises NotFound, InvalidInput (an administrator works on the whole plant), MissingPermission, or OutsideScope:
    who works on some lines only gives nobody others, himself included.
    """
    _require_right()
    with change("assign_line", reason):
        user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
        if user is None:
            raise NotFound(_("This user does not exist."))
        if user.is_superuser:
            raise InvalidInput(_("An administrator works on the whole plant; lines cannot be assigned."))
        if not ProductionLine.objects.filter(pk=line_id).exists():
            raise NotFound(_("This production line does not exist."))
        found = LineAssignment.objects.select_for_update().filter(user=user, line_id=line_id).first()
        if found:
            return records.update(found, reason=reason, is_active=True)
        return records.create(LineAssignment(user=user, line_id=line_id), reason=reason)


def set_assignment(
    *, assignment_id: UUID, is_active: bool | None, expected_version: int | None = None, reason: str = ""
) -> LineAssignment:
    """Take a line back from a user, or give it again; None leaves it. With the last one taken back the user works on
    the whole plant.

    Raises NotFound, StaleVersion, MissingPermission or OutsideScope.
    """
    _require_right()
    with change("set_assignment", reason):
        found = LineAssignment.objects.select_for_update().filter(pk=assignment_id).first()
        if found is None:
            raise NotFound(_("This record does not exist."))
        changes = {} if is_active is None else {"is_active": is_active}
        return records.update(found, reason=reason, expected_version=expected_version, **changes)


def _require_right() -> None:
    require(CHANGE_USERS)
    require_whole_plant()
