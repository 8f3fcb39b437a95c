from uuid import UUID


def uuid_or_none(text: str | None) -> UUID | None:
    """An id from a form; what is none is treated like nothing chosen."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
