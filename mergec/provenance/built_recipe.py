"""recipe.yaml in an output: the recipe as it was built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.lock.recipe_content import recipe_content
from mergec.lock.yaml_text import yaml_text
from mergec.provenance.shareable import shareable

if TYPE_CHECKING:
    from mergec.lower.bind import BoundRecipe

BUILT_RECIPE = "recipe.yaml"
_PARAMETERS = "# Parameters:\n"
_HEAD = "# Written by mergec: the recipe of this checkpoint, with its parameters filled in.\n"


def built_recipe(bound: BoundRecipe) -> str:
    """The canonical form of a recipe as YAML: a recipe again, with the same meaning in the same place.

    The values that parameters had stand in comments. Absolute paths are cut (see shareable), and so no
    byte depends on the machine.
    """
    recipe = bound.recipe
    params = "".join(f"# {line}\n" for line in yaml_text(_shareable(recipe.params)).splitlines())
    content = _shareable(recipe_content(bound))
    described = {"description": recipe.description} if recipe.description is not None else {}
    document = {"mergec": content.pop("mergec"), **described, **content}
    return f"{_HEAD}{_PARAMETERS if params else ''}{params}{yaml_text(_literal(document))}"


def _shareable(tree: object) -> dict[str, object]:
    found = shareable(tree)
    assert isinstance(found, dict)
    return found


def _literal(tree: dict[str, object]) -> dict[str, object]:
    """The tree with texts such that no use of a parameter is found in them."""
    return {key: _literal_value(value) for key, value in tree.items()}


def _literal_value(value: object) -> object:
    if isinstance(value, dict):
        return _literal(value)
    if isinstance(value, list):
        return [_literal_value(one) for one in value]
    is_odd = isinstance(value, str) and ("${" in value or "$$" in value)
    return str(value).replace("$", "$$") if is_odd else value
