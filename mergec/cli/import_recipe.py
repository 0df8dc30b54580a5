"""`mergec import`: a recipe of another program becomes one of ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mergec.cli.command import command
from mergec.cli.opened import opened
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics, print_result
from mergec.diagnostics import MergecError, Report, SourceText, safe
from mergec.importing.block_presets import presets
from mergec.importing.blocks_import import BlockMerge
from mergec.importing.errors import RecipeNotWritten
from mergec.importing.imported import Target, block_recipe, mergekit_recipe
from mergec.recipe.load import read_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_PATH = click.Path(path_type=Path)


@command("import")
@click.argument("file", metavar="FILE|WEIGHTS")
@click.option("--output", "-o", type=_PATH, metavar="RECIPE", help="Write the recipe there, not to stdout.")
@click.option(
    "--layers",
    multiple=True,
    metavar="[MODULE=]NAME",
    help="The list of layers that slices are cut from. [default: that of a model at hand, or model.layers]",
)
@click.option("--base", metavar="PATH", help="With block weights: the model at weight 0, A.")
@click.option("--other", metavar="PATH", help="With block weights: the model at weight 1, B, or an adapter.")
@click.option("--third", metavar="PATH", help="With block weights: the model C of modes with three.")
@click.option("--mode", metavar="MODE", help="With block weights: how to merge. [default: weight_sum, lora]")
@click.option("--alpha", type=float, help="With block weights: the weight of what is in no block.")
@click.option("--beta", metavar="WEIGHTS", help="With block weights: the second weights of the mode.")
@click.option(
    "--blocks", type=click.Choice(["sd1", "sdxl", "flux"]), help="With block weights: the model's kind."
)
def import_recipe(
    *,
    file: str,
    output: Path | None,
    layers: Sequence[str],
    blocks: str | None,
    **models: Any,  # noqa: ANN401  # click's values
) -> None:
    """Turn FILE into a recipe of mergec, and say what could not be carried over.

    FILE is a configuration of mergekit, with one document or several. With --base and --other it is a text
    file with WEIGHTS of blocks, as mergers of Stable Diffusion models use them: numbers between commas or
    the name of a preset, and elemental lines. WEIGHTS may also be given as they are. `docs/importing.md`
    tells what becomes of all that.
    """
    settings = current_settings()
    report = Report()
    folder = Path() if output is None else output.parent
    lists = _lists(layers)
    if models["base"] is not None and models["other"] is not None:
        text = block_recipe(_weights(file), BlockMerge(block_map=blocks, **models), folder, report)
    elif blocks is not None or any(one is not None for one in models.values()):
        raise click.UsageError("block weights need both --base and --other")
    else:
        text = mergekit_recipe(Path(file), Target(folder, _names_of, lists), report)
    if not settings.is_quiet:
        print_diagnostics(report.diagnostics, settings)
    if output is None:
        print_result(text.rstrip("\n"))
    else:
        _write(text, output)
        print_result(safe(output))


def _weights(file: str) -> SourceText:
    """The text of a file, or the weights themselves."""
    if file.upper() in presets() or "," in file or re.fullmatch(r"-?[0-9.]+", file):
        return SourceText("WEIGHTS", file)
    return read_text(Path(file))


def _lists(options: Sequence[str]) -> dict[str | None, str]:
    """The lists of layers by module."""
    found: dict[str | None, str] = {}
    for one in options:
        module, equals, name = one.rpartition("=")
        if not name or (equals and not module):
            raise click.UsageError(f"--layers: expected a name such as model.layers, found `{safe(one)}`")
        found[module or None] = name
    return found


def _names_of(path: Path) -> Collection[str] | None:
    """The names of a checkpoint's tensors; None where it cannot be read, as a build will tell."""
    try:
        return list(opened(path, None, Report()).tensors)
    except MergecError:
        return None


def _write(text: str, path: Path) -> None:
    """Write a new file; what was there stays."""
    try:
        with path.open("x", encoding="utf-8") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                path.unlink()
                raise
    except OSError as error:
        problem = error.strerror or str(error)
        raise MergecError([RecipeNotWritten(path=str(path), problem=problem)]) from error
