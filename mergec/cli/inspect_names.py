"""What a recipe makes of the names of a checkpoint: each tensor's name before and after its rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.ir.layout import views
from mergec.recipe.source_names import named_by_source

if TYPE_CHECKING:
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
