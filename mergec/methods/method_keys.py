"""The keys of a method in a recipe, derived from its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, create_model

from mergec.methods.method import REQUIRED, Method, Role
from mergec.recipe.recipe_model import Strict

if TYPE_CHECKING:
    from mergec.methods.method import Parameter

_Names = Annotated[list[str], Field(min_length=1)]
_Mapping = Annotated[dict[str, Any], Field(min_length=1)]
SCHEDULE_SCHEMA: dict[str, Any] = {"$ref": "#/$defs/Schedule"}


class CommonKeys(Strict):
    """What every operation on tensors of several models understands."""

    where: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Patterns of the tensors to work on; others come from `base` or the first input",
    )
    missing: Literal["error", "skip", "base"] = Field(
        default="error",
        description="What becomes of tensors that not all inputs hold: an error, left out, or taken from "
        "`base` or the first input",
    )


class GrowingKeys(CommonKeys):
    """What operations understand whose models may hold more than their base."""

    larger: Literal["error", "top_left"] = Field(
        default="error",
        description="What becomes of tensors that are larger than the base's: an error, or the base is their "
        "top-left part, as where vocabulary rows were added",
    )
    new: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Patterns of the tensors that the base may lack; they are added to the result",
    )


def keys_model(method: Method) -> type[CommonKeys]:
    """The pydantic model of a method's keys."""
    fields: dict[str, Any] = {}
    for parameter in method.parameters:
        if parameter.role is not Role.PER_MODEL:
            default = ... if parameter.default is REQUIRED else parameter.default
            field = Field(default, description=parameter.description, alias=parameter.key)
            fields[parameter.argument] = (_annotation(method, parameter), field)
    if all(parameter.key != "base" for parameter in method.parameters):
        description = "The model that integer tensors, and tensors outside `where`, are taken from"
        fields["base"] = (str | None, Field(None, description=description))
    if method.keeps_degree:
        description = "Allow coefficients that do not sum to 1"
        fields["allow_scaling"] = (bool, Field(default=False, description=description))
    base = GrowingKeys if method.may_grow else CommonKeys
    return create_model(f"{method.name}_keys", __base__=base, **fields)


def _annotation(method: Method, parameter: Parameter) -> Any:  # noqa: ANN401  # a type form
    if parameter.role is Role.MODEL:
        return str
    if parameter.role is Role.MODELS:
        form: Any = _Names | _Mapping if method.of_role(Role.PER_MODEL) else _Names
        return Annotated[form, WithJsonSchema(_models_schema(method))]
    if parameter.role is Role.SCHEDULE:
        return Annotated[Any, WithJsonSchema(SCHEDULE_SCHEMA)]
    return parameter.annotation


def _models_schema(method: Method) -> dict[str, Any]:
    per_model = method.of_role(Role.PER_MODEL)
    named = {
        "type": "object",
        "additionalProperties": False,
        "properties": {p.key: {**SCHEDULE_SCHEMA, "description": p.description} for p in per_model},
    }
    names = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    if not per_model:
        return names
    item = {"anyOf": [SCHEDULE_SCHEMA, named]}
    return {"anyOf": [names, {"type": "object", "additionalProperties": item, "minProperties": 1}]}
