"""The keys of a method in a recipe, derived from its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, create_model

from mergec.methods.parameter import REQUIRED, Role
from mergec.recipe.recipe_model import Strict

if TYPE_CHECKING:
    from mergec.methods.method import Method
    from mergec.methods.parameter import Parameter

_Names = Annotated[list[str], Field(min_length=1)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Mapping = Annotated[dict[str, Any], Field(min_length=1)]
SCHEDULE_SCHEMA: dict[str, Any] = {"$ref": "#/$defs/Schedule"}
# What a parameter gets from elsewhere than a key of its own.
_NO_KEYS = {Role.PER_MODEL, Role.COMPANION, Role.RANDOM, Role.SURVEYED}


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
        if parameter.role not in _NO_KEYS:
            default = ... if parameter.default is REQUIRED else parameter.default
            limits: Any = parameter.range.as_limits() if parameter.role is Role.OPTION else {}
            field = Field(default, description=parameter.description, alias=parameter.key, **limits)
            fields[parameter.argument] = (_annotation(method, parameter), field)
    fields.update(_added(method))
    base = GrowingKeys if method.may_grow else CommonKeys
    return _advised(create_model(f"{method.name}_keys", __base__=base, **fields), method)


def _advised(keys: type[CommonKeys], method: Method) -> type[CommonKeys]:
    """The keys, with what to say of those that belong to each model or to configurations of mergekit."""
    names, advice = {}, {"parameters": "write the keys that it holds beside `op`"}
    if method.has_key("base"):
        names["base_model"] = "base"
    if not method.has_key("compat"):
        advice["compat"] = f"leave it out: `{method.name}` has no options that it would change"
    if method.listed is not None:
        key = method.listed.key
        names["models"] = key
        for one in (*method.of_role(Role.PER_MODEL), *method.of_role(Role.COMPANION)):
            advice[one.key] = f"give it to each model: `{key}: {{NAME: {{{one.key}: ...}}}}`"
    keys.other_names, keys.advice = names, advice
    return keys


def _added(method: Method) -> dict[str, Any]:
    """The keys that follow from what the method is, not from a parameter."""
    fields: dict[str, Any] = {}
    if not method.has_key("base"):
        description = "The model that integer tensors, and tensors outside `where`, are taken from"
        fields["base"] = (str | None, Field(None, description=description))
    if method.gives == "weighted sum":
        description = "Allow coefficients that do not sum to 1"
        fields["allow_scaling"] = (bool, Field(default=False, description=description))
    if method.of_role(Role.RANDOM):
        fields["seed"] = (int, Field(default=0, ge=0, lt=2**64, description="Chooses the random values"))
    if not method.has_key("arithmetic"):
        description = "The dtype that is computed in; the result is stored in that of the first input"
        form = Literal["float32", "float64"]
        fields["arithmetic"] = (form, Field(default="float32", description=description))
    return fields


def _annotation(method: Method, parameter: Parameter) -> Any:  # noqa: ANN401  # a type form
    if parameter.role is Role.MODEL:
        return str if parameter.default is REQUIRED else str | None
    if parameter.role is Role.MODELS:
        is_named = method.of_role(Role.PER_MODEL) or method.of_role(Role.COMPANION)
        return Annotated[_Names | _Mapping if is_named else _Names, WithJsonSchema(_models_schema(method))]
    if parameter.role is Role.SCHEDULE:
        return Annotated[Any, WithJsonSchema(SCHEDULE_SCHEMA)]
    return _Number if parameter.annotation is float else parameter.annotation


def _models_schema(method: Method) -> dict[str, Any]:
    schedules, companions = method.of_role(Role.PER_MODEL), method.of_role(Role.COMPANION)
    properties = {p.key: {**SCHEDULE_SCHEMA, "description": p.description} for p in schedules}
    properties |= {p.key: {"type": "string", "description": p.description} for p in companions}
    named = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    item = {"anyOf": [SCHEDULE_SCHEMA, named]} if schedules else named
    names: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "minItems": method.needs_inputs}
    mapping = {"type": "object", "additionalProperties": item, "minProperties": method.needs_inputs}
    if method.most_inputs is not None:
        names["maxItems"] = mapping["maxProperties"] = method.most_inputs
    return {"anyOf": [names, mapping]} if properties else names
