"""The folders whose config, tokenizer and other files an output takes over."""

from __future__ import annotations

import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import MergecError, safe
from mergec.sources.dequantised import without_quantisation
from mergec.sources.directory_candidates import entries
from mergec.sources.errors import NotAFolder
from mergec.sources.locate import unreachable
from mergec.sources.side_config import CONFIG, read_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mergec.diagnostics import Report, Span
    from mergec.recipe.load import Recipe
    from mergec.sources.source_table import Source


class SideFolder(NamedTuple):
    """A folder with files for the output: that of a source, or one that the recipe names by its path."""

    path: Path
    name: str
    is_source: bool
    span: Span | None


@dataclass(frozen=True, slots=True)
class SideFiles:
    """Where the output's files come from: each from the first folder that has it.

    `config` is the first config.json, and `config_folder` where it lies; None if no folder has one.
    """

    folders: tuple[SideFolder, ...]
    config: Mapping[str, object]
    config_folder: SideFolder | None


def open_side_files(recipe: Recipe, sources: Mapping[str, Source], report: Report) -> SideFiles | None:
    """The folders that `copy_files_from` names, else that of the first source that is a directory.

    Reports MC02xx for folders and configs that cannot be read.
    """
    folders = tuple(_named(recipe, sources, report) or _default(recipe, sources))
    if not folders:
        return None
    owner = next((one for one in folders if (one.path / CONFIG).is_file()), None)
    config: dict[str, object] = {}
    if owner is not None:
        config = read_config(owner.path, owner.span, report)
        if owner.is_source and recipe.sources[owner.name].dequantize:
            config = without_quantisation(config)
    return SideFiles(folders, config, owner)


def _named(recipe: Recipe, sources: Mapping[str, Source], report: Report) -> list[SideFolder]:
    found: list[SideFolder] = []
    for name, place in recipe.file_givers():
        if name in sources:
            found.append(_of_source(recipe, sources[name]))
            continue
        path = recipe.folder / name
        try:
            _check_folder(path)
        except MergecError as error:
            report.extend(replace(one, span=place.span()) for one in error.diagnostics)
        else:
            found.append(SideFolder(path, name, is_source=False, span=place.span()))
    return found


def _default(recipe: Recipe, sources: Mapping[str, Source]) -> Iterable[SideFolder]:
    return [_of_source(recipe, source) for source in sources.values() if source.is_directory][:1]


def _of_source(recipe: Recipe, source: Source) -> SideFolder:
    span = recipe.source_place(source.name).span()
    return SideFolder(source.folder, source.name, is_source=True, span=span)


def _check_folder(path: Path) -> None:
    """Make sure that a path leads to a folder that can be listed.

    Raises:
        MergecError: MC0201 to MC0203, MC0291.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise MergecError([unreachable(path, error)]) from error
    if not stat.S_ISDIR(mode):
        advice = f"name the folder that holds it: `{safe(path.parent)}`"
        raise MergecError([NotAFolder(path=str(path), help=advice)])
    entries(path)
