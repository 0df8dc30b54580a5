"""Locks for tests, written and read without the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import Report
from mergec.lock.lock_file import lock_path, sealed, write_lock
from mergec.lock.recipe_lock import RecipeState
from mergec.lock.yaml_text import yaml_text
from mergec.pipeline import compile_recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mergec.lock.lock_model import LockModel


def state_of(recipe: Path, **overrides: str) -> LockModel:
    """What a lock of the recipe would say now."""
    compiled = compile_recipe(recipe, overrides, Report())
    with RecipeState(recipe, compiled.recipe, compiled.sources, compiled.checked) as state:
        state.start()
        return state.model


def locked(recipe: Path) -> str:
    """Write the lock of a recipe; its text."""
    write_lock(recipe, state_of(recipe))
    return lock_path(recipe).read_text()


def edited(recipe: Path, edit: Callable[[str], str]) -> None:
    """Write the lock of a recipe, then change its text."""
    lock_path(recipe).write_text(edit(locked(recipe)))


def forged(recipe: Path, model: LockModel) -> None:
    """Write a lock that says something else, with the checksum of just that."""
    lock_path(recipe).write_text(yaml_text(sealed(model).model_dump(by_alias=True, exclude_defaults=True)))
