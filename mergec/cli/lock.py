"""`mergec lock`: what does the recipe read, and is it still that?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mergec.cli.command import command
from mergec.cli.digest_progress import reading_progress
from mergec.cli.recipe_options import recipe_argument, set_option
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_document, print_message, print_result
from mergec.diagnostics import Report, safe
from mergec.diagnostics.as_json import diagnostic_as_json
from mergec.lock.compare import compare
from mergec.lock.lock_file import lock_path, read_lock, write_lock
from mergec.lock.recipe_lock import RecipeState, check_locked, lock_to_refresh, refreshed_lock
from mergec.pipeline import compile_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.cli.settings import Settings
    from mergec.lock.lock_model import LockModel
    from mergec.pipeline import Compiled


@command("lock", has_json=True)
@recipe_argument
@set_option
@click.option(
    "--check", "is_check", is_flag=True, help="Only compare: exit 3 if the lock is missing or stale."
)
def lock(*, recipe: Path, overrides: dict[str, str], is_check: bool) -> None:
    """Write what RECIPE reads into its lock, beside it, or check that the lock still says so.

    The lock holds the recipe in its canonical form, and the size and SHA-256 of every file that it reads.
    Files that were digested before, and have not been touched since, are not read again. What a build
    wrote stays in the lock as long as everything else in it holds; nothing is built here.
    """
    settings = current_settings()
    report = Report()
    compiled = compile_recipe(recipe, overrides, report)
    if not settings.is_quiet and not settings.wants_json:
        print_diagnostics(report.diagnostics, settings)
    # Reading comes last: what is wrong with the lock itself is told at once.
    old = read_lock(recipe) if is_check else lock_to_refresh(recipe)
    now = _state(recipe, compiled, settings)
    path = lock_path(recipe)
    done, changes = "ok", []
    if is_check:
        assert old is not None
        check_locked(old, now)
    else:
        changes = [one.what for one in compare(old.model, now)] if old is not None else []
        now = refreshed_lock(old, now)
        done = "written" if write_lock(recipe, now) else "unchanged"
    if settings.wants_json:
        found = [diagnostic_as_json(one) for one in report.diagnostics]
        print_document(
            {"path": str(path), "result": done, "changes": changes, **_counts(now), "diagnostics": found}
        )
        return
    if not settings.is_quiet:
        for what in changes:
            print_message(f"changed: {what}")
    print_result(f"{safe(path)}: {done}, {_summary(now)}")


def _state(recipe: Path, compiled: Compiled, settings: Settings) -> LockModel:
    with (
        reading_progress(settings) as progress,
        RecipeState(
            recipe, compiled.recipe, compiled.sources, compiled.checked, progress=progress.advance
        ) as state,
    ):
        progress.begin(state.start())
        return state.model


def _counts(model: LockModel) -> dict[str, object]:
    files = sum(len(source.files) for source in model.sources.values())
    return {"tensors": model.tensors.count, "files": files, "has_output": model.output is not None}


def _summary(model: LockModel) -> str:
    sources = len(model.sources)
    text = f"{model.tensors.count} tensors from {sources} source{'' if sources == 1 else 's'}"
    return text if model.output is not None else f"{text}, not built yet"
