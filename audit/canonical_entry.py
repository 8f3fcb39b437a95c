"""The bytes of a journal entry that are sealed: form 1.

The magic line, then every field in the order of FIELDS: its length as four big-endian bytes and its UTF-8 text, or
the length 0xFFFFFFFF alone for NULL. Lengths keep neighbours apart: ("ab", "c") is not ("a", "bc"). Every value is
the text PostgreSQL prints (jsonb through its text output, names in `changed` joined by ",", instants in UTC as
YYYY-MM-DDTHH:MM:SS.ffffffZ), so nobody who verifies has to know jsonb or its numbers.

Entries sealed years ago must still verify: this form never changes, a new one gets a new magic beside it.
`audit/offline/genba_verify.py` holds the same for machines without Genba; a test keeps both equal.
"""

import json
from collections.abc import Iterable, Mapping

MAGIC = b"genba-journal-entry-v1\n"
FIELDS = (
    "id",
    "xid",
    "op",
    "schema_name",
    "table_name",
    "pk",
    "old",
    "new",
    "changed",
    "actor_id",
    "actor_type",
    "actor_name",
    "on_behalf_of",
    "reason_code",
    "reason",
    "request_id",
    "station",
    "source",
    "app_version",
    "db_user",
    "compliance_flags",
    "at",
    "tx_at",
)
NULL = b"\xff\xff\xff\xff"
_NAMES = frozenset(FIELDS)


def leaf_bytes_in_order(values: Iterable[str | None]) -> bytes:
    """The sealed bytes of one entry whose values come in the order of FIELDS, as a database row does."""
    # One expression because every entry passes here, when it is sealed and each night when all are verified.
    return MAGIC + b"".join(
        [NULL if value is None else len(text := value.encode()).to_bytes(4, "big") + text for value in values]
    )


def leaf_bytes(fields: Mapping[str, str | None]) -> bytes:
    """The sealed bytes of one entry; it must have exactly the fields of form 1."""
    if fields.keys() != _NAMES:
        raise ValueError(f"not the fields of a journal entry: {sorted(fields.keys() ^ _NAMES)}")
    return leaf_bytes_in_order(fields[name] for name in FIELDS)


def entry_line(fields: Mapping[str, str | None]) -> str:
    """The entry as one NDJSON line of an export, without its newline."""
    ordered = {name: fields[name] for name in FIELDS}
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
