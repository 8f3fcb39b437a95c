from typing import Any

from equipment.enums import StateSource


def source_of(user: Any) -> str:
    """Programs hold accounts of their own, so the account says whether a person entered it."""
    return StateSource.PERSON if user.is_person else StateSource.MACHINE
