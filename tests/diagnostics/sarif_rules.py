"""What the standard asks of the objects that mergec's logs are made of, as a JSON schema.

Written from docs.oasis-open.org/sarif/sarif/v2.1.0, section 3: names, types and what is required, for the
properties that mergec writes. A property that is not here is refused, also where the standard has it: whoever
writes it looks its rule up. Two rules go further, as GitHub's code scanning does: a result has a place, and
its region has all four ends.
"""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string", "minLength": 1}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_FROM_1 = {"type": "integer", "minimum": 1}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": required | optional,
    }


def _list(items: dict[str, Any], **rules: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **rules}


_MESSAGE = _object({"text": _TEXT})
_ARTIFACT = _object({"uri": {"type": "string", "format": "uri-reference"}}, uriBaseId=_TEXT)
_REGION = _object(dict.fromkeys(("startLine", "startColumn", "endLine", "endColumn"), _FROM_1))
_PHYSICAL = _object({"artifactLocation": _ARTIFACT, "region": _REGION})
_LOCATION = _object({"physicalLocation": _PHYSICAL}, id={"type": "integer", "minimum": 0}, message=_MESSAGE)
_RESULT = _object(
    {
        "ruleId": _TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": _LEVEL,
        "message": _MESSAGE,
        "locations": _list(_LOCATION, minItems=1),
    },
    relatedLocations=_list(_LOCATION, minItems=1, uniqueItems=True),
)
_RULE = _object(
    {
        "id": _TEXT,
        "name": _TEXT,
        "shortDescription": _MESSAGE,
        "fullDescription": _MESSAGE,
        "help": _MESSAGE,
        "defaultConfiguration": _object({"level": _LEVEL}),
    }
)
_DRIVER = _object(
    {
        "name": _TEXT,
        "version": _TEXT,
        "semanticVersion": _TEXT,
        "informationUri": {"type": "string", "format": "uri"},
        "rules": _list(_RULE, uniqueItems=True),
    }
)
_NOTIFICATION = _object({"descriptor": _object({"id": _TEXT}), "level": _LEVEL, "message": _MESSAGE})
_INVOCATION = _object(
    {"executionSuccessful": {"type": "boolean"}, "exitCode": {"type": "integer"}},
    toolExecutionNotifications=_list(_NOTIFICATION, minItems=1),
)
_RUN = _object(
    {
        "tool": _object({"driver": _DRIVER}),
        "invocations": _list(_INVOCATION, minItems=1),
        "originalUriBaseIds": {"type": "object", "additionalProperties": _object({"description": _MESSAGE})},
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": _list(_RESULT),
    }
)
SARIF_LOG = _object(
    {"$schema": {"type": "string", "format": "uri"}, "version": {"const": "2.1.0"}, "runs": _list(_RUN)}
)
