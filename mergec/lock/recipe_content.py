"""What a recipe says, apart from how it says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from mergec.ir.dtype import DType
from mergec.lock.arithmetic_text import arithmetic_text
from mergec.lower.bind import BoundArithmetic
from mergec.recipe.load import LANGUAGE_VERSION

if TYPE_CHECKING:
    from mergec.lower.bind import BoundModel, BoundRecipe


def recipe_content(bound: BoundRecipe) -> dict[str, object]:
    """The recipe in its canonical form: a tree of plain values.

    Parameters are filled in, and keys left out that hold their default, so that a release with a new key
    changes no recipe's form. Sources and models stand sorted by name, and only those that the output
    needs; what a mapping within them lists keeps its order, which has a meaning. Schedules are as they are
    written: 0.5 and {weight: 0.5} differ in form, and not in the keys of tensors.
    """
    recipe = bound.recipe
    return {
        "mergec": LANGUAGE_VERSION,
        "sources": {name: _plain(recipe.sources[name]) for name in sorted(bound.sources)},
        "models": {model.name: _model(model) for model in sorted(bound.models, key=lambda one: one.name)},
        "output": _plain(recipe.output),
    }


def _model(model: BoundModel) -> object:
    if isinstance(model, BoundArithmetic):
        return arithmetic_text(model.expression)
    keys = _plain(model.keys)
    assert isinstance(keys, dict)
    return {"op": model.operation.name, **keys}


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return {
            field.alias or name: _plain(given)
            for name, field in type(value).model_fields.items()
            if (given := getattr(value, name)) != field.get_default(call_default_factory=True)
            or field.is_required()
        }
    if isinstance(value, DType):
        return value.recipe_name
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
