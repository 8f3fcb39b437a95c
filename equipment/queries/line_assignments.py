from uuid import UUID

from equipment.models import LineAssignment
from equipment.scope import visible

OTHERS = "…"  # lines the reader does not work on are not named, but not taken for the whole plant either


def lines_by_account() -> dict[UUID, str]:
    """The codes of the lines each account works on; who is not here works on the whole plant."""
    active = LineAssignment.objects.filter(is_active=True)
    named = set(visible(active).values_list("pk", flat=True))
    found: dict[UUID, list[str]] = {}
    for pk, user, code in active.order_by("line__line_code").values_list("pk", "user_id", "line__line_code"):
        found.setdefault(user, []).append(code if pk in named else OTHERS)
    return {user: "; ".join(dict.fromkeys(codes)) for user, codes in found.items()}
