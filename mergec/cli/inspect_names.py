"""What a recipe makes of the names of a checkpoint: each tensor's name before and after its rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.ir.layout import views
from mergec.ir.packed import Packed
from mergec.ir.source_facts import SourceFacts
from mergec.recipe.source_names import named_by_source
from mergec.sources.side_config import read_config
from mergec.sources.small_values import small_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Report
    from mergec.ir.layout import Layout
    from mergec.recipe.load import Recipe
    from mergec.sources.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Renamed:
    """A tensor of the checkpoint and the names that it, or its parts, have in the recipe.

    Without any, the recipe leaves it out.
    """

    before: str
    after: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str


def source_named(recipe: Recipe, text: str) -> str | None:
    """The source that a command line means by a name or by a path."""
    if text in recipe.sources:
        return text
    meant = {Path(text).resolve(), (recipe.folder / text).resolve()}
    for name, spec in recipe.sources.items():
        if (recipe.folder / spec.path).resolve() in meant:
            return name
    return None


def renamed_tensors(recipe: Recipe, source: str, checkpoint: Checkpoint, report: Report) -> list[Renamed]:
    """Every tensor of the checkpoint with its new names.

    Raises:
        MergecError: MC01xx for patterns and rules that are wrong or do not fit.
    """
    spec, place = recipe.sources[source], recipe.source_place(source)
    # Each tensor gets a file number of its own, by which it is known again afterwards.
    stored = list(checkpoint.tensors.items())
    marked: dict[str, Layout] = {
        name: view._replace(file=number) for number, (name, view) in enumerate(stored)
    }
    if spec.dequantize:
        marked = _dense(recipe, source, checkpoint, marked, report)
    marked, _ = named_by_source(marked, spec, source, place, report)
    report.stop_on_error()
    after: list[dict[str, None]] = [{} for _ in stored]
    for name, layout in marked.items():
        for view in views(layout):
            after[view.file][name] = None
    return [
        Renamed(name, tuple(names), view.shape, str(view.dtype))
        for (name, view), names in zip(stored, after, strict=True)
    ]


def _dense(
    recipe: Recipe, source: str, checkpoint: Checkpoint, marked: Mapping[str, Layout], report: Report
) -> dict[str, Layout]:
    """The dense weights of a quantised source, whose parts bear the numbers of the tensors that they are."""
    from mergec.sources.packed_weights import packed_weights

    spec, place = recipe.sources[source], recipe.source_place(source)
    path = recipe.folder / spec.path
    folder = checkpoint.directory or path.parent
    config = read_config(folder, place.span(), report)
    facts = SourceFacts(
        source, path, folder, config, read_values=small_values(dict(enumerate(checkpoint.files)))
    )
    tensors, _, _ = packed_weights(checkpoint.tensors, facts, checkpoint.block_types, spec, place, report)
    numbers = {view: number for number, view in enumerate(checkpoint.tensors.values())}
    return {
        name: layout._replace(parts=tuple(part._replace(file=numbers[part]) for part in layout.parts))
        if isinstance(layout, Packed)
        else marked[name]
        for name, layout in tensors.items()
    }
