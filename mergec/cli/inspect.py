"""`mergec inspect`: what is in a checkpoint?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mergec.cli.command import command
from mergec.cli.inspect_names import renamed_tensors, source_named
from mergec.cli.inspect_text import checkpoint_text, renamed_text
from mergec.cli.plan_sources import dtype_counts, form_name, layout_bytes
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_document, print_result
from mergec.diagnostics import MergecError, Report, did_you_mean, safe
from mergec.recipe.load import load_recipe
from mergec.sources.open_checkpoint import open_checkpoint
from mergec.sources.open_file import RELATIVE
from mergec.sources.torch_errors import NestAmbiguous

if TYPE_CHECKING:
    from mergec.cli.inspect_names import Renamed
    from mergec.diagnostics import Diagnostic
    from mergec.recipe.load import Recipe
    from mergec.sources.checkpoint import Checkpoint


@command("inspect", has_json=True)
@click.argument("path")
@click.option(
    "--recipe",
    "recipe_path",
    type=click.Path(path_type=Path),
    metavar="RECIPE",
    help="Show the names before and after the rules of this recipe; PATH may be the name of a source.",
)
@click.option("--nest", help="Where the tensors sit in a nested PyTorch file, such as model.state_dict.")
def inspect(path: str, recipe_path: Path | None, nest: str | None) -> None:
    """Show the tensors of the checkpoint at PATH: components, layers, dtypes and sizes.

    PATH is a weight file, an index or a directory.
    """
    report = Report()
    recipe, source, where = None, "", Path(path)
    if recipe_path is not None:
        recipe = load_recipe(recipe_path, {}, report)
        source = _source(recipe, path)
        where = recipe.folder / recipe.sources[source].path
        nest = nest or recipe.sources[source].nest
    checkpoint = _opened(where, nest, report)
    renamed = None if recipe is None else renamed_tensors(recipe, source, checkpoint, report)
    if current_settings().wants_json:
        print_document(_document(where, checkpoint, renamed))
    elif renamed is not None:
        print_result(f"{source}: {safe(where)}\n{renamed_text(renamed)}")
    else:
        print_result(checkpoint_text(where, checkpoint))


def _source(recipe: Recipe, text: str) -> str:
    name = source_named(recipe, text)
    if name is None:
        advice = did_you_mean(text, recipe.sources) or f"its sources are {', '.join(recipe.sources)}"
        raise click.BadParameter(f"the recipe has no source `{safe(text)}`: {advice}", param_hint="'PATH'")
    return name


def _opened(path: Path, nest: str | None, report: Report) -> Checkpoint:
    checkpoint = open_checkpoint(path, nest=nest, span=None, report=report)
    if checkpoint is not None:
        return checkpoint
    raise MergecError(map(_without_recipe, report.diagnostics))


def _without_recipe(one: Diagnostic) -> Diagnostic:
    """A finding about a source as this command line has it."""
    if isinstance(one, NestAmbiguous):  # its help lists the candidates, as a recipe would name them
        return replace(one, notes=(*one.notes, "on this command line it is an option: `--nest PLACE`"))
    return replace(one, help=one.help.removesuffix(RELATIVE)) if one.help else one


def _document(path: Path, checkpoint: Checkpoint, renamed: list[Renamed] | None) -> dict[str, Any]:
    tensors = checkpoint.tensors
    document = {
        "path": str(path),
        "format": form_name(checkpoint.files),
        "files": [
            {
                "name": file.path.name,
                "bytes": file.identity.size,
                "metadata": dict(sorted(file.metadata.items())),
            }
            for file in checkpoint.files
        ],
        "bytes": sum(map(layout_bytes, tensors.values())),
        "dtypes": dtype_counts(tensors.values()),
        "tensors": [
            {
                "name": name,
                "shape": list(view.shape),
                "dtype": str(view.dtype),
                "bytes": layout_bytes(view),
                "file": checkpoint.files[view.file].path.name,
            }
            for name, view in tensors.items()
        ],
    }
    if renamed is not None:
        document["renamed"] = [{"before": one.before, "after": list(one.after)} for one in renamed]
    return document
