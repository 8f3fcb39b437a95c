"""The session of the request under way. Whoever signs is confirmed in one session; services know no request."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_key: ContextVar[str] = ContextVar("session_key", default="")


@contextmanager
def session_of(key: str | None) -> Iterator[None]:
    token = _key.set(key or "")
    try:
        yield
    finally:
        _key.reset(token)


def session_digest() -> str:
    """What a table may know of it, or "" where there is none (a program's token, a task)."""
    key = _key.get()
    return hashlib.sha256(key.encode()).hexdigest() if key else ""
