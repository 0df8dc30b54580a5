"""Plain values -> pydantic models, with each complaint at its line and column."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from mergec.diagnostics import did_you_mean
from mergec.recipe.errors import MissingKey, UnknownKey, WrongValue

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from mergec.diagnostics import Diagnostic, Report
    from mergec.recipe.place import TreePlace

_M = TypeVar("_M", bound=BaseModel)


def validate(model: type[_M], value: object, place: TreePlace, where: str, report: Report) -> _M | None:
    """The validated model, or None after reporting MC0110, MC0111 and MC0112 for all that is wrong.

    `where` names the value in messages: "the recipe", "the operation `linear`".
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            report.add(_complaint(model, details, place, where))
        return None


def _complaint(model: type[BaseModel], details: ErrorDetails, place: TreePlace, where: str) -> Diagnostic:
    path = _recipe_path(details["loc"])
    inside = f"`{'.'.join(map(str, path[:-1]))}`" if len(path) > 1 else where
    parent = place
    for key in path[:-1]:
        parent = parent.child(key)
    if details["type"] == "extra_forbidden":
        known = keys_of(_model_at(model, path[:-1]))
        help_ = did_you_mean(str(path[-1]), known) or f"known keys: {', '.join(known)}"
        return UnknownKey(span=parent.key_span(path[-1]), key=str(path[-1]), where=inside, help=help_)
    if details["type"] == "missing":
        return MissingKey(span=parent.span(), key=str(path[-1]), where=inside)
    at = parent.child(path[-1]) if path else place
    what = f"`{'.'.join(map(str, path))}`" if path else where
    return WrongValue(span=at.span(), problem=f"{what}: {_expectation(details)}")


def _recipe_path(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The location without the marks that pydantic adds for the branches of a union or a key."""
    return tuple(key for key in location if not (isinstance(key, str) and key in _UNION_BRANCHES))


_UNION_BRANCHES = {"str", "int", "float", "bool", "[key]", "list[str]", "dict[str,any]", "float-int"}

_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def _expectation(details: ErrorDetails) -> str:
    expected = _EXPECTED.get(details["type"])
    if expected is not None:
        return f"expected {expected}, found {shown(details['input'])}"
    message = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if details["type"] == "literal_error":
        return f"expected {message}, found {shown(details['input'])}"
    return message[:1].lower() + message[1:]


def shown(value: object) -> str:
    """A value as a message quotes it, with its kind where the text alone could mislead."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'the text "{value}"'
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"`{value}`"


def keys_of(model: type[BaseModel] | None) -> list[str]:
    """The keys that a model knows, as a recipe spells them."""
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model that validates the mapping at `path`; None where that is no model."""
    current: Any = model
    for key in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {field.alias or name: field for name, field in current.model_fields.items()}
            field = fields.get(str(key))
            current = field.annotation if field is not None else None
        else:
            arguments = typing.get_args(current)
            current = arguments[-1] if arguments else None
        if typing.get_origin(current) is typing.Annotated:
            current = typing.get_args(current)[0]
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None
