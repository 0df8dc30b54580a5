"""Stage 2: the sources of a recipe, opened by their headers, under their new names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import Report
from mergec.ir.source_facts import SourceFacts
from mergec.recipe.source_names import named_by_source
from mergec.sources.open_checkpoint import open_checkpoint
from mergec.sources.side_config import ADAPTER_CONFIG, read_config
from mergec.sources.side_folders import open_side_files
from mergec.sources.small_values import small_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mergec.ir.layout import Layout
    from mergec.ir.packed import PackedPart
    from mergec.recipe.load import Recipe
    from mergec.recipe.rename_pass import RuleUse
    from mergec.sources.checkpoint import Checkpoint, WeightFile
    from mergec.sources.side_folders import SideFiles


@dataclass(frozen=True, slots=True)
class Source:
    """A source: where it is, its tensors after `keep`, `drop` and `rename`, and what the rules did.

    `degree` is 1 for weights and 0 for a delta. `folder` holds the config and tokenizer that belong
    to the weights; `is_directory` says that the recipe names that folder rather than a file in it.
    `files` are the numbers of its weight files in the table, in the order of its index.
    `packed` holds the parts of quantised weights that are read as they are stored, by file and offset.
    """

    name: str
    path: Path
    tensors: Mapping[str, Layout]
    stored: int
    rules: tuple[RuleUse, ...]
    degree: float
    folder: Path
    is_directory: bool
    files: tuple[int, ...]
    facts: SourceFacts
    packed: Mapping[tuple[int, int], PackedPart]


@dataclass(frozen=True, slots=True)
class SourceTable:
    """All sources of a recipe. Views in them name their file by its index in `files`."""

    files: tuple[WeightFile, ...]
    sources: Mapping[str, Source]
    side_files: SideFiles | None = None

    @property
    def names(self) -> list[str]:
        """The files' paths, for messages."""
        return [str(file.path) for file in self.files]


def open_sources(recipe: Recipe, names: Iterable[str], report: Report) -> SourceTable:
    """Read the headers of the named sources and apply their rules.

    Raises:
        MergecError: MC02xx for what is wrong with the files, MC01xx for rules that do not fit them.
    """
    files: dict[WeightFile, int] = {}
    sources: dict[str, Source] = {}
    for name in names:
        spec = recipe.sources[name]
        path = recipe.folder / spec.path
        span = recipe.source_place(name).child("path").span()
        nest_span = recipe.source_place(name).child("nest").span()
        checkpoint = open_checkpoint(path, nest=spec.nest, span=span, nest_span=nest_span, report=report)
        if checkpoint is not None:
            sources[name] = _source(recipe, name, path, checkpoint, files, report)
    report.stop_on_error()
    side_files = open_side_files(recipe, sources, report)
    report.stop_on_error()
    return SourceTable(tuple(files), sources, side_files)


def _number(file: WeightFile, files: dict[WeightFile, int]) -> int:
    """The file's number in the table. Two sources that share a file share it there: it is read once."""
    return files.setdefault(file, len(files))


def _source(
    recipe: Recipe,
    name: str,
    path: Path,
    checkpoint: Checkpoint,
    files: dict[WeightFile, int],
    report: Report,
) -> Source:
    spec = recipe.sources[name]
    place = recipe.source_place(name)
    numbers = [_number(file, files) for file in checkpoint.files]
    views = {tensor: view._replace(file=numbers[view.file]) for tensor, view in checkpoint.tensors.items()}
    facts = _facts(recipe, name, path, checkpoint, files)
    tensors: dict[str, Layout] = dict(views)
    packed: Mapping[tuple[int, int], PackedPart] = {}
    # Packed weights are integers or floats of 8 bits and less: most checkpoints hold none of them.
    if spec.dequantize or any(not view.dtype.is_float for view in views.values()):
        from mergec.sources.packed_weights import packed_weights

        tensors, facts, packed = packed_weights(views, facts, checkpoint.block_types, spec, place, report)
    tensors, uses = named_by_source(tensors, spec, name, place, report)
    return Source(
        name=name,
        path=path,
        tensors=tensors,
        stored=len(checkpoint.tensors),
        rules=tuple(uses),
        degree=0.0 if spec.kind == "delta" else 1.0,
        folder=checkpoint.directory or path.parent,
        is_directory=checkpoint.directory is not None,
        files=tuple(numbers),
        facts=facts,
        packed=packed,
    )


def _facts(
    recipe: Recipe, name: str, path: Path, checkpoint: Checkpoint, files: Mapping[WeightFile, int]
) -> SourceFacts:
    folder = checkpoint.directory or path.parent
    span = recipe.source_place(name).span()
    # A broken config matters to some recipes only: those that need it report it.
    unheeded = Report()
    adapter_config = read_config(folder, span, unheeded, ADAPTER_CONFIG)
    by_number = {number: file for file, number in files.items()}
    return SourceFacts(
        source=name,
        path=path,
        folder=folder,
        config=read_config(folder, span, unheeded),
        adapter_config=adapter_config or None,
        metadata={key: text for file in checkpoint.files for key, text in file.metadata.items()},
        read_values=small_values(by_number),
    )
