"""The keys of an operation as a table, from the same model that validates them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from mergec.lower.recipe_schema import keys_schema

if TYPE_CHECKING:
    from mergec.steps.operation import Operation

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
    "null": "",
}
_DEFINED = {"Schedule": "schedule", "Block": "method or keep"}
_PARAM = "#/$defs/Param"


class KeyRow(NamedTuple):
    """A key: its name, what it holds, its default (empty where it must be given) and its meaning."""

    name: str
    kind: str
    default: str
    meaning: str


def key_rows(operation: Operation) -> list[KeyRow]:
    """The keys of an operation, those that must be given first."""
    schema = keys_schema(operation.keys)
    required = set(schema.get("required", ()))
    definitions = schema.get("$defs", {})
    rows = [
        KeyRow(
            name,
            _kind(field, definitions),
            _default(field) if name not in required else "required",
            field.get("description", ""),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    return sorted(rows, key=lambda row: row.default != "required")


def _default(field: dict[str, Any]) -> str:
    return f"default {json.dumps(field['default'])}" if "default" in field else "optional"


def _kind(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A type in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _DEFINED.get(name) or _kind(definitions.get(name, {}), definitions)
    if "anyOf" in schema:
        choices = [c for c in schema["anyOf"] if c.get("$ref") != _PARAM]
        return " or ".join(dict.fromkeys(filter(None, (_kind(c, definitions) for c in choices))))
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    return _plain_kind(schema, definitions)


def _plain_kind(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        inner = _kind(schema.get("items", {}), definitions)
        return f"list of {inner}" if inner else "list"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"mapping of names to {_kind(schema['additionalProperties'], definitions)}"
    if schema.get("properties"):
        return "{" + ", ".join(schema["properties"]) + "}"
    return _TYPES.get(str(schema.get("type", "")), "")
