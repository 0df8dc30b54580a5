"""`mergec check`: is the recipe sound?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.command import command
from mergec.cli.recipe_options import recipe_argument, set_option
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_document, print_result
from mergec.diagnostics import Report, safe
from mergec.diagnostics.as_json import diagnostic_as_json
from mergec.pipeline import compile_recipe

if TYPE_CHECKING:
    from pathlib import Path


@command("check", has_json=True)
@recipe_argument
@set_option
def check(recipe: Path, overrides: dict[str, str]) -> None:
    """Compile and type-check RECIPE from the headers of its sources. No weight is read."""
    settings = current_settings()
    report = Report()
    compiled = compile_recipe(recipe, overrides, report)
    tensors, sources = len(compiled.checked.outputs), len(compiled.sources.sources)
    if settings.wants_json:
        found = [diagnostic_as_json(one) for one in report.diagnostics]
        print_document({"tensors": tensors, "sources": sources, "diagnostics": found})
        return
    if not settings.is_quiet:
        print_diagnostics(report.diagnostics, settings)
    plural = "" if sources == 1 else "s"
    print_result(f"{safe(recipe)}: ok, {tensors} tensors from {sources} source{plural}")
