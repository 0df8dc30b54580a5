"""The sources that the output takes files from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mergec.diagnostics import did_you_mean
from mergec.steps.errors import UnknownModel

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.diagnostics import Report
    from mergec.recipe.load import Recipe


def side_file_givers(recipe: Recipe, report: Report) -> list[str]:
    """The sources among those that `copy_files_from` names, each once. The others are folders.

    Reports MC0302 for a plain word that is neither; what looks like a path is judged when it is opened.
    """
    found: dict[str, None] = {}
    for name, place in recipe.file_givers():
        if name in recipe.sources:
            found.setdefault(name)
        elif not _may_be_path(recipe.folder, name):
            help_ = did_you_mean(name, [*recipe.sources, *_folders(recipe.folder)])
            help_ = help_ or f"sources: {', '.join(recipe.sources)}; a folder is named by its path"
            report.add(UnknownModel(span=place.span(), name=name, other="folder", help=help_))
    return list(found)


def _folders(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []  # a recipe given as text may be in no folder at all


def _may_be_path(folder: Path, text: str) -> bool:
    if "/" in text or os.sep in text or text.startswith((".", "~")):
        return True
    try:
        return (folder / text).exists()
    except OSError:
        return True  # opening it says why not
