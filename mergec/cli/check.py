"""`mergec check`: is the recipe sound?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mergec import pipeline
from mergec.cli.checked_recipe import CheckedRecipe
from mergec.cli.command import command
from mergec.cli.recipe_findings import print_all, print_one
from mergec.cli.recipe_options import (
    allows_plugins,
    plugins_option,
    recipes_argument,
    resource_options,
    set_option,
)
from mergec.cli.settings import current_settings
from mergec.diagnostics import MergecError, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mergec.symmetries.self_test.report import SymmetryReport


@command("check", has_json=True, has_formats=True)
@recipes_argument
@set_option
@plugins_option
@click.option(
    "--self-test",
    "tests_itself",
    is_flag=True,
    help="Also read the weights of aligned models, and test their symmetry tables on them.",
)
@click.option(
    "--forward",
    metavar="FILE.py:FUNCTION",
    help="With --self-test: run this function of a model's tensors, and see that it stays the same. "
    "`transformers` stands for the model that config.json describes.",
)
@click.option("--seed", type=click.IntRange(min=0), help="With --self-test: chooses the permutations.")
@resource_options
def check(
    *,
    recipes: Sequence[Path],
    overrides: dict[str, str],
    tests_itself: bool,
    forward: str | None,
    seed: int | None,
    memory: int | None,
    workers: int | None,
) -> None:
    """Compile and type-check each RECIPE from the headers of its sources. No weight is read.

    Of several recipes, the highest exit code is that of the command.

    With --self-test, the units of every aligned model are permuted at random: on all tensors the laws of
    the group must hold, and what FUNCTION computes must stay the same. FUNCTION is given a dict of torch
    tensors, and returns a tensor or a list of them. --memory is for making one tensor at a time; the test
    holds a few copies of it beside that, and a function needs the whole model.
    """
    if not tests_itself and any(one is not None for one in (forward, seed, memory, workers)):
        raise click.UsageError("--forward, --seed, --memory and --workers go with --self-test")

    def tests_of(compiled: pipeline.Compiled) -> Sequence[SymmetryReport]:
        if not tests_itself:
            return ()
        from mergec.cli.self_test import self_test  # torch

        options = pipeline.Options(memory or pipeline.DEFAULT_MEMORY, workers or 0)
        return self_test(compiled, options, forward, seed or 0)

    settings = current_settings()
    checked = []
    for recipe in recipes:
        checked.append(_checked(recipe, overrides, tests_of))
        print_one(checked[-1], settings)
    click.get_current_context().exit(print_all(checked, settings))


def _checked(
    path: Path,
    overrides: Mapping[str, str],
    tests_of: Callable[[pipeline.Compiled], Sequence[SymmetryReport]],
) -> CheckedRecipe:
    report = Report()
    try:
        compiled = pipeline.compile_recipe(path, overrides, report, allow_plugins=allows_plugins())
    except MergecError as error:
        return CheckedRecipe(path=path, error=error)
    try:
        tests = tests_of(compiled)
    except MergecError as error:
        return CheckedRecipe(path=path, warnings=report.diagnostics, error=error)
    return CheckedRecipe(
        path=path,
        warnings=report.diagnostics,
        tensors=len(compiled.checked.outputs),
        sources=len(compiled.sources.sources),
        tests=tests,
    )
