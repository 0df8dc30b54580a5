"""`mergec plan`: what would a build do?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec import pipeline
from mergec.cli.command import command
from mergec.cli.plan_facts import plan_facts
from mergec.cli.plan_json import plan_document
from mergec.cli.plan_text import plan_text
from mergec.cli.recipe_options import (
    allows_plugins,
    limit_options,
    plugins_option,
    recipe_argument,
    set_option,
)
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_document, print_result
from mergec.cli.tensor_pattern import matching_names, tensor_option
from mergec.diagnostics import Report

if TYPE_CHECKING:
    from pathlib import Path


@command("plan", has_json=True)
@recipe_argument
@set_option
@plugins_option
@tensor_option
@limit_options
def plan(  # one argument per option, as click calls it
    *,
    recipe: Path,
    overrides: dict[str, str],
    tensor: str | None,
    out: Path | None,
    memory: int | None,
    workers: int | None,
) -> None:
    """Check RECIPE, then say what a build would do. No weight is read.

    Shows the sources and what their rename rules did, for every tensor the coefficients that it really
    gets, what steps decided on their own, and the bytes and the memory that a build needs.
    """
    settings = current_settings()
    options = pipeline.Options(memory or pipeline.DEFAULT_MEMORY, workers or 0, out)
    report = Report()
    compiled = pipeline.compile_recipe(recipe, overrides, report, allow_plugins=allows_plugins())
    made = pipeline.make_build_plan(compiled, options)
    names = [placed.name for placed in made.layout.tensors]
    wanted = matching_names(tensor, names, "plan")
    facts = plan_facts(recipe, compiled, made, options, report.diagnostics, wanted.__contains__)
    if settings.wants_json:
        print_document(plan_document(facts))
        return
    if not settings.is_quiet:
        print_diagnostics(report.diagnostics, settings)
    print_result(plan_text(facts))
