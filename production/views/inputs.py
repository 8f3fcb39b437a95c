"""Values from a form or a scanner, before anything trusts them."""

from uuid import UUID


def uuid_or_none(text: str | None) -> UUID | None:
    """An id from a form; what is none is treated like nothing chosen."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def plain_text(text: str | None, *, at_most: int) -> str:
    """Without what the database cannot hold."""
    return (text or "").replace("\x00", "").strip()[:at_most]
