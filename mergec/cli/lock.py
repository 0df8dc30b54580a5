"""`mergec lock`: what does a recipe read, and is it still that?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mergec.cli.command import command
from mergec.cli.digest_progress import reading_progress
from mergec.cli.recipe_and_lock import RecipeAndLock
from mergec.cli.recipe_findings import print_all, print_one
from mergec.cli.recipe_options import allows_plugins, plugins_option, recipes_argument, set_option
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_message
from mergec.diagnostics import MergecError, Report
from mergec.lock.compare import compare
from mergec.lock.lock_file import lock_path, read_lock, write_lock
from mergec.lock.recipe_lock import RecipeState, check_locked, lock_to_refresh, refreshed_lock
from mergec.pipeline import compile_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mergec.cli.settings import Settings
    from mergec.lock.lock_model import LockModel
    from mergec.pipeline import Compiled


@command("lock", has_json=True, has_formats=True)
@recipes_argument
@set_option
@plugins_option
@click.option("--check", "is_check", is_flag=True, help="Only compare: exit 3 if a lock is missing or stale.")
def lock(*, recipes: Sequence[Path], overrides: dict[str, str], is_check: bool) -> None:
    """Write what each RECIPE reads into its lock, beside it, or check that the lock still says so.

    The lock holds the recipe in its canonical form, and the size and SHA-256 of every file that it reads.
    Files that were digested before, and have not been touched since, are not read again. What a build
    wrote stays in the lock as long as everything else in it holds; nothing is built here.

    Of several recipes, the highest exit code is that of the command.
    """
    settings = current_settings()
    found = []
    for recipe in recipes:
        found.append(_found(recipe, overrides, settings, is_check=is_check))
        if settings.format in {None, "text"} and not settings.is_quiet:
            for what in found[-1].changes:
                print_message(f"changed: {what}")
        print_one(found[-1], settings)
    click.get_current_context().exit(print_all(found, settings))


def _found(
    recipe: Path, overrides: Mapping[str, str], settings: Settings, *, is_check: bool
) -> RecipeAndLock:
    report, path = Report(), lock_path(recipe)
    try:
        compiled = compile_recipe(recipe, overrides, report, allow_plugins=allows_plugins())
    except MergecError as error:
        return RecipeAndLock(path=recipe, error=error, lock=path)
    try:
        result, changes, model = _locked(recipe, compiled, settings, is_check=is_check)
    except MergecError as error:
        return RecipeAndLock(path=recipe, warnings=report.diagnostics, error=error, lock=path)
    return RecipeAndLock(
        path=recipe, warnings=report.diagnostics, lock=path, result=result, changes=changes, model=model
    )


def _locked(
    recipe: Path, compiled: Compiled, settings: Settings, *, is_check: bool
) -> tuple[str, tuple[str, ...], LockModel]:
    """What became of the lock, what changed in it, and what it says now."""
    # Reading comes last: what is wrong with the lock itself is told at once.
    old = read_lock(recipe) if is_check else lock_to_refresh(recipe)
    now = _state(recipe, compiled, settings)
    if is_check:
        assert old is not None
        check_locked(old, now)
        return "ok", (), old.model
    changes = tuple(one.what for one in compare(old.model, now)) if old is not None else ()
    now = refreshed_lock(old, now)
    return "written" if write_lock(recipe, now) else "unchanged", changes, now


def _state(recipe: Path, compiled: Compiled, settings: Settings) -> LockModel:
    with (
        reading_progress(settings) as progress,
        RecipeState(
            recipe, compiled.recipe, compiled.sources, compiled.checked, progress=progress.advance
        ) as state,
    ):
        progress.begin(state.start())
        return state.model
