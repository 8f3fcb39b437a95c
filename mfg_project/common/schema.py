"""What the OpenAPI document says about every operation alike."""

from typing import Any

from mfg_project.common.problems import MEDIA_TYPE

_TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details. Texts are in the language of Accept-Language (en, ja).",
    "required": ["type", "title", "status", "detail", "code", "instance", "timestamp"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": {
            **_TEXT,
            "description": "For programs; the last part of `type`. `reason_required` (422): say why in `reason`, "
            "in words; nothing was changed.",
        },
        "instance": {"type": "string", "format": "uri-reference"},
        "request_id": {"type": ["string", "null"], "description": "Leads to the log; also the X-Request-ID header."},
        "timestamp": {"type": "string", "format": "date-time"},
        "errors": {"type": "object", "description": "Field name to messages."},
        "allowed": {"type": "array", "items": _TEXT, "description": "The steps the record's state allows."},
        "permission": {**_TEXT, "description": "The permission that is missing."},
    },
}


def describe_problems(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """drf-spectacular post-processing: any operation may answer with a problem."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"]["4XX"] = {"description": "Refused", "content": content}
                operation["responses"]["5XX"] = {"description": "A fault", "content": content}
    return result
