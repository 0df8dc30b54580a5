"""Which keys pydantic's models know, and which model is meant where in them."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.fields import FieldInfo


def keys_of(model: type[BaseModel] | None) -> list[str]:
    """The keys that a model knows, as a recipe spells them, those that it must have first."""
    fields = fields_of(model)
    return sorted(fields, key=lambda key: not fields[key].is_required())


def fields_of(model: type[BaseModel] | None) -> dict[str, FieldInfo]:
    """The fields of a model by the keys that a recipe spells."""
    return {field.alias or name: field for name, field in model.model_fields.items()} if model else {}


def model_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel] | None:
    """The model that validates the mapping at `path`; None where that is no model."""
    current: Any = model
    for key in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = fields_of(current).get(str(key))
            current = field.annotation if field is not None else None
        else:
            arguments = typing.get_args(current)
            current = arguments[-1] if arguments else None
        if typing.get_origin(current) is typing.Annotated:
            current = typing.get_args(current)[0]
        if typing.get_origin(current) in {typing.Union, types.UnionType}:
            current = next((one for one in typing.get_args(current) if _is_model(one)), current)
    return current if _is_model(current) else None


def _is_model(form: object) -> bool:
    return isinstance(form, type) and issubclass(form, BaseModel)
