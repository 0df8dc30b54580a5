"""`mergec check`: is the recipe sound?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mergec import pipeline
from mergec.cli.command import command
from mergec.cli.recipe_options import recipe_argument, resource_options, set_option
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_document, print_result
from mergec.diagnostics import Report, safe
from mergec.diagnostics.as_json import diagnostic_as_json

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.symmetries.self_test.report import SymmetryReport


@command("check", has_json=True)
@recipe_argument
@set_option
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
    recipe: Path,
    overrides: dict[str, str],
    tests_itself: bool,
    forward: str | None,
    seed: int | None,
    memory: int | None,
    workers: int | None,
) -> None:
    """Compile and type-check RECIPE from the headers of its sources. No weight is read.

    With --self-test, the units of every aligned model are permuted at random: on all tensors the laws of
    the group must hold, and what FUNCTION computes must stay the same. FUNCTION is given a dict of torch
    tensors, and returns a tensor or a list of them.
    """
    if not tests_itself and any(one is not None for one in (forward, seed, memory, workers)):
        raise click.UsageError("--forward, --seed, --memory and --workers go with --self-test")
    settings = current_settings()
    report = Report()
    compiled = pipeline.compile_recipe(recipe, overrides, report)
    if not settings.is_quiet and not settings.wants_json:
        print_diagnostics(report.diagnostics, settings)
    tests: list[SymmetryReport] = []
    if tests_itself:
        from mergec.cli.self_test import self_test  # torch

        options = pipeline.Options(memory or pipeline.DEFAULT_MEMORY, workers or 0)
        tests = self_test(compiled, options, forward, seed or 0)
    _print_done(recipe, compiled, report, tests)


def _print_done(
    recipe: Path, compiled: pipeline.Compiled, report: Report, tests: list[SymmetryReport]
) -> None:
    tensors, sources = len(compiled.checked.outputs), len(compiled.sources.sources)
    if current_settings().wants_json:
        found = [diagnostic_as_json(one) for one in report.diagnostics]
        document = {"tensors": tensors, "sources": sources, "diagnostics": found}
        if tests:
            from mergec.cli.self_test_text import self_test_document  # other checks do without

            document["self_test"] = [self_test_document(one) for one in tests]
        print_document(document)
        return
    plural = "" if sources == 1 else "s"
    print_result(f"{safe(recipe)}: ok, {tensors} tensors from {sources} source{plural}")
    if tests:
        from mergec.cli.self_test_text import self_test_text  # other checks do without

        print_result("\n".join(map(self_test_text, tests)))
