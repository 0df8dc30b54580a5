"""The face of this package: a file of another program -> the text of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.diagnostics import Severity, safe
from mergec.importing.blocks_import import import_blocks
from mergec.importing.draft import Draft, name_for
from mergec.importing.errors import NotCarriedOver
from mergec.importing.mergekit_import import Wishes, import_mergekit
from mergec.importing.mergekit_models import MergekitModels
from mergec.importing.mergekit_reader import read_mergekit
from mergec.importing.recipe_text import recipe_text
from mergec.importing.source_paths import SourcePaths
from mergec.recipe.load import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Diagnostic, Report, SourceText
    from mergec.importing.blocks_import import BlockMerge
    from mergec.importing.mergekit_models import NamesOf


@dataclass(frozen=True, slots=True)
class Target:
    """Where the recipe will lie, and what else the user says.

    `layers` are the lists of layers of modules by name, None for a model without modules. `names_of` gives
    the names of the tensors of a checkpoint on disk, None where it cannot be read.
    """

    folder: Path
    names_of: NamesOf
    layers: Mapping[str | None, str] = field(default_factory=dict)


def mergekit_recipe(path: Path, target: Target, report: Report) -> str:
    """The recipe for a configuration of mergekit. What is not carried over is told as warnings, too.

    Raises:
        MergecError: MC0101 to MC0107, MC0840, MC0841.
    """
    documents = read_mergekit(read_text(path), report)
    draft = Draft()
    paths = SourcePaths(Path(), path.parent, target.folder)
    models = MergekitModels(draft, paths, target.names_of, report)
    wishes = Wishes(f"build/{name_for(path.stem)}", target.layers)
    import_mergekit(documents, draft, models, wishes, report)
    return recipe_text(draft, [f"Imported from {path.name}, a configuration of mergekit."], _left(report))


def block_recipe(source: SourceText, merge: BlockMerge, folder: Path, report: Report) -> str:
    """The recipe for block weights of models at these paths. `folder` is where it will lie.

    Raises:
        MergecError: MC0841, MC0844.
    """
    draft, paths = Draft(), SourcePaths(Path(), Path(), folder)
    base, other = (draft.source(paths.written(path), ()) for path in (merge.base, merge.other))
    third = None if merge.third is None else draft.source(paths.written(merge.third), ())
    named = replace(merge, base=base, other=other, third=third)
    draft.output.update(model=import_blocks(source, named, draft, report), path="build/merged.safetensors")
    return recipe_text(draft, ["Imported from block weights."], _left(report))


def _left(report: Report) -> list[str]:
    """What the recipe says at its end, in the order of the imported file."""
    warnings = [one for one in report.diagnostics if one.severity is Severity.WARNING]
    return [_line(one) for one in sorted(warnings, key=_place)]


def _place(one: Diagnostic) -> tuple[int, int]:
    return (one.span.line, one.span.column) if one.span is not None else (0, 0)


def _line(one: Diagnostic) -> str:
    where = f"line {one.span.line}: " if one.span is not None else ""
    told = f"{one.what}: {one.reason}" if isinstance(one, NotCarriedOver) else one.message
    return f"{where}{safe(told)}"
