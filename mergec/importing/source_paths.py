"""Where the models of an imported file lie, as the recipe will name them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_ON_THE_HUB = re.compile(r"\w[\w.-]*/[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class SourcePaths:
    """Paths were relative to the working directory, `here`, and will be to the recipe's folder.

    Some programs are started in the folder of their file: `beside` is looked at second.
    """

    here: Path
    beside: Path
    recipe: Path

    def on_disk(self, path: str) -> Path | None:
        """Where the file or folder is, if there is one."""
        for folder in (self.here, self.beside):
            try:
                if (folder / path).exists():
                    return folder / path
            except (OSError, ValueError):  # too long, or with a NUL
                return None
        return None

    def written(self, path: str) -> str:
        """The path as the recipe has it."""
        found = self.on_disk(path)
        if found is None or Path(path).is_absolute():
            return path
        folder = self.here if found == self.here / path else self.beside
        if folder.resolve() == self.recipe.resolve():
            return path
        return _seen_from(self.recipe.resolve(), found.resolve())

    def is_on_the_hub(self, path: str) -> bool:
        """Whether the text looks like the name of a repository, and nothing here is called so."""
        return self.on_disk(path) is None and _ON_THE_HUB.fullmatch(path) is not None


def _seen_from(folder: Path, target: Path) -> str:
    """The way from one absolute path to another."""
    up = 0
    while not target.is_relative_to(folder) and folder != folder.parent:
        folder, up = folder.parent, up + 1
    if not target.is_relative_to(folder):
        return target.as_posix()
    return PurePosixPath(*[".."] * up, *target.relative_to(folder).parts).as_posix()
