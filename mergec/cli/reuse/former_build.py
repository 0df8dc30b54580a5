"""The recipe that made the output which is there: what it said, and what it read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, Report, SourceText
from mergec.lock.kept_manifests import manifest_folder
from mergec.lock.lock_file import read_lock
from mergec.output.manifest import NAME as MANIFEST
from mergec.output.manifest import read_manifest
from mergec.pipeline import Compiled, compile_loaded
from mergec.provenance.built_recipe import BUILT_RECIPE
from mergec.provenance.shareable import shareable
from mergec.recipe.load import parse_recipe
from mergec.recipe.recipe_model import is_single_file
from mergec.recipe.yaml_tree import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.lock.lock_model import LockedOutput, LockModel
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
            whole = _with_plugins(_with_whole_paths(recipe, now.recipe), now.recipe)
            return compile_loaded(now.path, whole, {}, Report())
        except MergecError:  # a source is gone, or another version of mergec wrote it
            return None


def read_former_build(target: Path, recipe: Path) -> FormerBuild:
    """What is there of the build that made the output at `target`."""
    is_file = is_single_file(target)
    folder = manifest_folder(target) if is_file else target
    if folder is None:
        return FormerBuild("", None)
    try:
        lock = read_lock(recipe).model
    except MergecError:
        lock = None
    is_of_it = (
        lock is not None and lock.output is not None and _is_told_by(lock.output, folder, is_file=is_file)
    )
    return FormerBuild(_text(folder / BUILT_RECIPE), lock if is_of_it else None)


def _text(path: Path) -> str:
    try:
        if not path.is_file():  # to open a pipe is to wait
            return ""
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES).decode()
    except (OSError, ValueError):
        return ""


def _is_told_by(output: LockedOutput, folder: Path, *, is_file: bool) -> bool:
    """Whether a lock is of the output whose manifest is in a folder."""
    if is_file:
        manifest = read_manifest(folder)
        return manifest is not None and manifest.merkle == output.merkle
    try:
        path = folder / MANIFEST
        return path.is_file() and sha256(path.read_bytes()).hexdigest() == output.manifest
    except OSError:
        return False


def _with_whole_paths(recipe: Recipe, now: Recipe) -> Recipe:
    """The recipe as it was built holds only the last parts of absolute paths."""
    sources: Mapping[str, SourceSpec] = {
        name: spec.model_copy(update={"path": now.sources[name].path})
        if name in now.sources and Path(now.sources[name].path).name == spec.path
        else spec
        for name, spec in recipe.sources.items()
    }
    return replace(recipe, sources=sources)


def _with_plugins(recipe: Recipe, now: Recipe) -> Recipe:
    """Of a recipe as it was built only files may be run that were run for the recipe of today."""
    files = {shareable(spec.path): spec.path for spec in now.plugins if spec.path is not None}
    plugins = [
        spec.model_copy(update={"path": files[spec.path]}) if spec.path in files else spec
        for spec in recipe.plugins
    ]
    is_known = all(spec.path in {None, *files.values()} for spec in plugins)
    return replace(recipe, plugins=plugins, allows_plugins=now.allows_plugins and is_known)
