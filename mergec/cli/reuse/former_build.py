"""The recipe that made the output which is there: what it said, and what it read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, Report, SourceText
from mergec.lock.lock_file import read_lock
from mergec.output.manifest import NAME as MANIFEST
from mergec.pipeline import Compiled, compile_loaded
from mergec.provenance.built_recipe import BUILT_RECIPE
from mergec.recipe.load import parse_recipe
from mergec.recipe.yaml_tree import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.lock.lock_model import LockModel
    from mergec.recipe.load import Recipe
    from mergec.recipe.recipe_model import SourceSpec


@dataclass(frozen=True, slots=True)
class FormerBuild:
    """What an output and its lock tell of the build that made it, read before another one replaces them.

    `recipe` is the text of the recipe as it was built, and `lock` the lock beside the recipe, if it is of
    this output.
    """

    recipe: str
    lock: LockModel | None

    def compiled(self, now: Compiled) -> Compiled | None:
        """The recipe as it was built, compiled with the sources of today; None where that cannot be."""
        if not self.recipe:
            return None
        try:
            recipe = parse_recipe(SourceText(BUILT_RECIPE, self.recipe), now.path.parent, {}, Report())
            return compile_loaded(now.path, _with_whole_paths(recipe, now.recipe), {}, Report())
        except MergecError:  # a source is gone, or another version of mergec wrote it
            return None


def read_former_build(target: Path, recipe: Path) -> FormerBuild:
    """What is there of the build that made the output at `target`."""
    return FormerBuild(_text(target / BUILT_RECIPE), _lock(target, recipe))


def _text(path: Path) -> str:
    try:
        if not path.is_file():  # to open a pipe is to wait
            return ""
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES).decode()
    except (OSError, ValueError):
        return ""


def _lock(target: Path, recipe: Path) -> LockModel | None:
    try:
        model = read_lock(recipe).model
        digest = sha256(_manifest(target)).hexdigest()
    except (MergecError, OSError):
        return None
    return model if model.output is not None and model.output.manifest == digest else None


def _manifest(target: Path) -> bytes:
    return (target / MANIFEST).read_bytes() if (target / MANIFEST).is_file() else b""


def _with_whole_paths(recipe: Recipe, now: Recipe) -> Recipe:
    """The recipe as it was built holds only the last parts of absolute paths."""
    sources: Mapping[str, SourceSpec] = {
        name: spec.model_copy(update={"path": now.sources[name].path})
        if name in now.sources and Path(now.sources[name].path).name == spec.path
        else spec
        for name, spec in recipe.sources.items()
    }
    return replace(recipe, sources=sources)
