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
    from mergec.methods.plugin import Plugin


def recipe_content(bound: BoundRecipe) -> dict[str, object]:
    """The recipe in its canonical form: a tree of plain values.

    Parameters are filled in, and keys left out that hold their default, so that a release with a new key
    changes no recipe's form. Sources and models stand sorted by name, and only those that the output
    needs; what a mapping within them lists keeps its order, which has a meaning. Schedules are as they are
    written: 0.5 and {weight: 0.5} differ in form, and not in the keys of tensors.
    """
    recipe = bound.recipe
    plugins = [_plugin(one) for one in sorted(bound.plugins, key=lambda one: (one.is_package, one.name))]
    return {
        "mergec": LANGUAGE_VERSION,
        **({"plugins": plugins} if plugins else {}),
        "sources": {name: _plain(recipe.sources[name]) for name in sorted(bound.sources)},
        "models": {model.name: _model(model) for model in sorted(bound.models, key=lambda one: one.name)},
        "output": _plain(recipe.output),
    }


def _plugin(plugin: Plugin) -> dict[str, str]:
    """A plugin that the recipe uses, with what it is by its content."""
    return {"package" if plugin.is_package else "path": plugin.name, "sha256": plugin.sha256}


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
