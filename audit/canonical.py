"""One byte form of a record's content, so that a digest means the same on every machine and in ten years.

Form 1: JSON, keys sorted, no spaces, UTF-8 in NFC; decimals as strings at their stored scale; instants in
UTC with microseconds and "Z"; UUIDs as text; absent values as null. A golden test holds the form.
"""

import datetime as dt
import hashlib
import json
import unicodedata
from decimal import Decimal
from typing import Any
from uuid import UUID

CANONICAL_FORM = 1


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {unicodedata.normalize("NFC", str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise TypeError(f"no canonical form for {type(value).__name__}")


def plain(content: dict[str, Any]) -> dict[str, Any]:
    """The content with every value in its canonical, JSON-ready form."""
    return {key: _plain(value) for key, value in content.items()}


def canonical_json(content: dict[str, Any]) -> bytes:
    return json.dumps(plain(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(content: dict[str, Any]) -> str:
    """SHA-256 of the canonical form, 64 hex digits."""
    return hashlib.sha256(canonical_json(content)).hexdigest()
