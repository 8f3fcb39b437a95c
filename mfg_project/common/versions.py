"""Optimistic concurrency over HTTP: the record version is the ETag, and comes back as If-Match or in the body."""

import re
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

# W/ is let through: a compressing proxy weakens the tag it passes on, the version in it stays exact.
_ONE_VERSION = re.compile(r'(?:W/)?"([0-9]{1,9})"')


def etag_of(record: Any) -> str:
    version = getattr(record, "version", None)
    return f'"{version}"' if isinstance(version, int) else ""


def expected_version(request: Request, in_body: int | None = None) -> int | None:
    """The version the client saw: of If-Match, else of the body; None when it does not care ("*" or neither)."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        return in_body
    if header == "*":
        return None
    match = _ONE_VERSION.fullmatch(header)
    if match is None:
        raise ParseError(_('If-Match takes one version as the ETag gave it, for example "3".'))
    return int(match[1])
