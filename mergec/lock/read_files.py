"""Every file that a recipe reads, and what it is to the recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mergec.lock.source_digests import ReadFile
from mergec.lower.bind import BoundOperation
from mergec.output.side_files import side_file_origins
from mergec.recipe.recipe_model import is_single_file
from mergec.steps.align_keys import AlignKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.graph import CheckedGraph
    from mergec.lower.bind import BoundRecipe
    from mergec.sources.checkpoint import WeightFile
    from mergec.sources.source_table import SourceTable

_TABLE_ENDINGS = (".yaml", ".yml")


class Copied(NamedTuple):
    """A file for the output, and the source or folder that gives it, as the recipe calls it."""

    file: Path
    giver: str


class Named(NamedTuple):
    """A file that an operation names, and as what: `table` or `given`, as in a lock."""

    model: str
    role: str
    written: str
    file: Path


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """Weight files by number, files for the output by their places in it, and files of operations."""

    weights: tuple[WeightFile, ...]
    copied: Mapping[Path, Copied]
    named: tuple[Named, ...]

    def all(self) -> list[ReadFile]:
        """All of them, in this order."""
        weights = [ReadFile(file.path, file.identity) for file in self.weights]
        others = [*(one.file for one in self.copied.values()), *(one.file for one in self.named)]
        return [*weights, *map(ReadFile, others)]


def read_files(bound: BoundRecipe, sources: SourceTable, checked: CheckedGraph) -> ReadFiles:
    """What a compiled recipe reads."""
    return ReadFiles(sources.files, _copied(bound, sources, checked), tuple(_named(bound)))


def _copied(bound: BoundRecipe, sources: SourceTable, checked: CheckedGraph) -> dict[Path, Copied]:
    side_files = sources.side_files
    if side_files is None or is_single_file(Path(bound.recipe.output.path)):
        return {}
    givers = {source.folder: source.name for source in sources.sources.values()}
    givers |= {folder.path: folder.name for folder in side_files.folders}
    origins = side_file_origins(side_files.folders, checked.config)
    return {
        place: Copied(folder / place, givers.get(folder, folder.name)) for place, folder in origins.items()
    }


def _named(bound: BoundRecipe) -> list[Named]:
    found: list[Named] = []
    for model in bound.models:
        keys = model.keys if isinstance(model, BoundOperation) else None
        if not isinstance(keys, AlignKeys):
            continue
        table = keys.symmetry
        if isinstance(table, str) and table.endswith(_TABLE_ENDINGS):
            found.append(Named(model.name, "table", table, bound.recipe.folder / table))
        if keys.permutations is not None:
            given = bound.recipe.folder / keys.permutations
            found.append(Named(model.name, "given", keys.permutations, given))
    return found
