"""The JSON schema of recipes, for editors: the fixed part of the language and every operation's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from mergec.lower.bind import operations
from mergec.methods.blocks import INHERITED, KEEP
from mergec.methods.method_operation import MethodOperation
from mergec.recipe.block_maps import BLOCK_MAPS
from mergec.recipe.recipe_model import RecipeSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pydantic import BaseModel

    from mergec.steps.operation import Operation

SCHEMA_ID = "https://raw.githubusercontent.com/mergec/mergec/main/schemas/recipe.schema.json"
# Definitions that the keys of operations refer to, and what stands for them while pydantic looks on.
_ELSEWHERE = {f"#/$defs/{name}": f"https://mergec.invalid/{name}" for name in ("Schedule", "Block")}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PARAM = {
    "type": "string",
    "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$",
    "description": "The value of a parameter of `params:`",
}
_NUMBER = {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/Param"}]}
_GRADIENT = {
    "type": "array",
    "minItems": 1,
    "items": _NUMBER,
    "description": "A gradient: from the first layer to the last, linear between the numbers",
}
_BLOCK_MAP = {"anyOf": [{"enum": list(BLOCK_MAPS)}, {"$ref": "#/$defs/Param"}]}
_BLOCK_VALUES = {"anyOf": [{"type": "array", "items": _NUMBER}, {"type": "object"}]}
SCHEDULE: dict[str, Any] = {
    "title": "Schedule",
    "description": "A value for every tensor: a number, a gradient, a mapping of patterns to either (the "
    "first that matches wins), a block map, or `rest`",
    "anyOf": [
        _NUMBER,
        {"const": "rest", "description": "1 minus the values of the other inputs, tensor by tensor"},
        _GRADIENT,
        {
            "type": "object",
            "description": "Patterns and their values; the first that matches a tensor wins",
            "minProperties": 1,
            "not": {"required": ["blocks"]},
            "additionalProperties": {"anyOf": [_NUMBER, _GRADIENT]},
        },
        {
            "type": "object",
            "description": "Values for the blocks of an image model",
            "required": ["blocks"],
            "properties": {"blocks": _BLOCK_MAP, "values": _BLOCK_VALUES, "default": _NUMBER},
        },
    ],
}


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, for keys that refer to a definition made elsewhere.

    It looks for every definition in its own tables, except for those at an address.
    """

    def generate_inner(self, schema: Any) -> dict[str, Any]:  # noqa: ANN401  # a type that pydantic keeps to itself
        """As pydantic does, with the reference disguised as an address."""
        made: dict[str, Any] = _referring(super().generate_inner(schema), _ELSEWHERE)
        return made


def keys_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a part of a recipe, whose definitions under `$defs` are those that only it needs."""
    made = model.model_json_schema(schema_generator=_Generator)
    schema: dict[str, Any] = _referring(made, {there: here for here, there in _ELSEWHERE.items()})
    for part in (schema, *schema.get("$defs", {}).values()):
        for key, value in part.get("properties", {}).items():
            part["properties"][key] = _for_editors(value)
    return schema


def _referring(part: Any, renamed: Mapping[str, str]) -> Any:  # noqa: ANN401  # any part of a schema
    """A copy in which references have other names."""
    if isinstance(part, list):
        return [_referring(item, renamed) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: renamed[value] if key == "$ref" and value in renamed else _referring(value, renamed)
        for key, value in part.items()
    }


def recipe_schema() -> dict[str, Any]:
    """The schema of a whole recipe, the same on every machine."""
    recipe = keys_schema(RecipeSpec)
    definitions: dict[str, Any] = {"Param": _PARAM, "Schedule": SCHEDULE, **recipe.pop("$defs", {})}
    known = operations()
    for name, operation in known.items():
        schema = keys_schema(operation.keys)
        definitions.update(schema.pop("$defs", {}))
        definitions[f"op_{name}"] = _operation(name, operation, schema)
    of_blocks = [name for name, operation in known.items() if isinstance(operation, MethodOperation)]
    for name in of_blocks:
        definitions[f"block_{name}"] = _in_a_block(name, definitions[f"op_{name}"])
    kept = {"const": KEEP, "description": "Unchanged from `base`, or from the first input"}
    definitions["Block"] = {"anyOf": [kept, _one_of(of_blocks, "block", "The method; see `mergec methods`")]}
    arithmetic = {"type": "string", "description": "Arithmetic such as `base + 0.5 * (a - b)`"}
    recipe["properties"]["models"]["additionalProperties"] = {
        "anyOf": [arithmetic, {"$ref": "#/$defs/Model"}]
    }
    definitions["Model"] = _one_of(known, "op", "The operation; see `mergec methods`")
    head = {"$schema": _DIALECT, "$id": SCHEMA_ID, "title": "mergec recipe"}
    return {**head, **recipe, "title": head["title"], "$defs": dict(sorted(definitions.items()))}


def _one_of(names: Collection[str], kind: str, description: str) -> dict[str, Any]:
    """A mapping whose `op` is one of these, with the keys of that one."""
    branches = [
        {
            "if": {"required": ["op"], "properties": {"op": {"const": name}}},
            "then": {"$ref": f"#/$defs/{kind}_{name}"},
        }
        for name in names
    ]
    return {
        "type": "object",
        "required": ["op"],
        "properties": {"op": {"enum": list(names), "description": description}},
        "allOf": branches,
    }


def _in_a_block(name: str, operation: dict[str, Any]) -> dict[str, Any]:
    """The keys of a method in a block, which need not give what stands beside all blocks."""
    return {
        "type": "object",
        "title": f"{name} in a block",
        "description": operation["description"],
        "additionalProperties": False,
        "required": [key for key in operation["required"] if key not in INHERITED],
        "properties": {
            key: {"$ref": f"#/$defs/op_{name}/properties/{key}"} for key in operation["properties"]
        },
    }


def _operation(name: str, operation: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    properties = {"op": {"const": name, "description": operation.summary}, **schema.get("properties", {})}
    required = ["op", *schema.get("required", [])]
    made = {**schema, "title": name, "description": operation.summary}
    return {**made, "properties": properties, "required": required}


def _for_editors(field: dict[str, Any]) -> dict[str, Any]:
    """A key's schema without a made-up title, or a default that no text could stand for.

    Where pydantic, which sees parameters filled in, wants a number, a boolean or one of a few words, the
    text of a recipe may hold a parameter.
    """
    field.pop("title", None)
    if not isinstance(field.get("default", ""), str | int | float | bool):
        field.pop("default")
    if field.get("type") not in {"integer", "number", "boolean"} and "enum" not in field:
        return field
    if "const" in field:
        return field
    outer: dict[str, Any] = {key: field.pop(key) for key in ("description", "default") if key in field}
    return {"anyOf": [field, {"$ref": "#/$defs/Param"}], **outer}
