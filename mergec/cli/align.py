"""`mergec align`: find permutations, and write these alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mergec import pipeline
from mergec.cli.align_targets import with_targets
from mergec.cli.command import command
from mergec.cli.match_progress import matching_progress
from mergec.cli.match_results import match_results, result_document, result_lines
from mergec.cli.recipe_options import (
    allows_plugins,
    plugins_option,
    recipe_argument,
    resource_options,
    set_option,
)
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_document, print_result
from mergec.diagnostics import MergecError, Report, safe
from mergec.diagnostics.as_json import diagnostic_as_json
from mergec.steps.align_errors import NothingToSolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.cli.match_results import MatchResult


@command("align", has_json=True)
@recipe_argument
@set_option
@plugins_option
@click.option("--model", metavar="NAME", help="Find only the permutations of this aligned model.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write here, rather than where `save_permutations:` says.",
)
@resource_options
def align(
    *,
    recipe: Path,
    overrides: dict[str, str],
    model: str | None,
    out: Path | None,
    memory: int | None,
    workers: int | None,
) -> None:
    """Find the permutations that RECIPE needs, and write them to files; no checkpoint is made.

    Only models that the output is made of are matched. With `permutations: FILE` a recipe applies such a
    file, which may also come from elsewhere, and nothing is looked for.
    """
    settings = current_settings()
    options = pipeline.Options(memory or pipeline.DEFAULT_MEMORY, workers or 0)
    started = time.monotonic()
    report = Report()
    compiled = pipeline.compile_recipe(recipe, overrides, report, allow_plugins=allows_plugins())
    plan = pipeline.make_build_plan(compiled, options)
    if not plan.matches:
        raise MergecError([NothingToSolve(span=compiled.recipe.place.child("output").child("model").span())])
    plan = with_targets(plan, model, out)
    told = len(report.diagnostics)
    if not settings.is_quiet and not settings.wants_json:
        print_diagnostics(report.diagnostics, settings)
    with matching_progress(settings) as progress:
        decided = pipeline.solve(compiled, plan, report, progress)
    results = match_results(plan.matches, decided.solutions)
    if settings.wants_json:
        print_document(_document(results, time.monotonic() - started, report))
        return
    if not settings.is_quiet:
        print_diagnostics(report.diagnostics[told:], settings)
    for path in dict.fromkeys(path for one in results for path in one.saved):
        print_result(safe(path))
    if not settings.is_quiet:
        print_result("\n".join(result_lines(results)))


def _document(results: Sequence[MatchResult], seconds: float, report: Report) -> dict[str, Any]:
    return {
        "matches": [result_document(one) for one in results],
        "seconds": round(seconds, 3),
        "diagnostics": [diagnostic_as_json(one) for one in report.diagnostics],
    }
