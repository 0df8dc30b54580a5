"""The methods that a recipe may name: those of mergec, of its own plugins, and of installed packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.methods.errors import BadPlugin, PluginNameTaken, PluginNotAllowed
from mergec.methods.plugin_guard import PluginError
from mergec.steps.registry import find_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mergec.diagnostics import Report, Span
    from mergec.methods.method_operation import MethodOperation
    from mergec.methods.plugin import Plugin
    from mergec.recipe.load import Recipe
    from mergec.recipe.recipe_model import PluginSpec

BLOCKWISE = "blockwise"
CORE_SPACE = "core_space"


class KnownMethods:
    """Finds methods by name. `own` are those of plugins that were added."""

    def __init__(self) -> None:
        """Know the methods of mergec and of installed packages."""
        self.own: dict[str, MethodOperation] = {}
        self._used: dict[Plugin, None] = {}

    @property
    def used(self) -> tuple[Plugin, ...]:
        """Where the recipe's methods come from, but for mergec itself."""
        return tuple(self._used)

    def add(self, found: Mapping[str, MethodOperation], span: Span | None, report: Report) -> None:
        """Know the methods of a plugin too; reports MC0383 for those whose names are taken."""
        for name, operation in found.items():
            plugin = operation.method.plugin
            assert plugin is not None
            owner = self._owner(name)
            if owner is not None:
                report.add(PluginNameTaken(span=span, plugin=plugin.name, name=name, owner=owner))
            self.own.setdefault(name, operation)
            self._used[plugin] = None

    def find(self, name: str, span: Span | None = None) -> MethodOperation | None:
        """The method of this name. Installed packages are looked at when nothing else has it.

        Raises:
            MergecError: MC0382 for a package that fails.
        """
        from mergec.methods.registry import find_method  # a recipe without methods does without

        found = self.own.get(name) or find_method(name)
        if found is not None:
            return found
        from mergec.methods.plugin import methods_of_packages  # as above, without packages

        try:
            packaged = methods_of_packages(name=name).get(name)
        except PluginError as error:
            raise MergecError([_bad(error, span)]) from error
        if packaged is not None and packaged.method.plugin is not None:
            self._used[packaged.method.plugin] = None
        return packaged

    def names(self) -> list[str]:
        """The names of all methods; of installed packages where none of them fails."""
        from mergec.methods.plugin import methods_of_packages
        from mergec.methods.registry import method_names

        try:
            packaged = list(methods_of_packages())
        except PluginError:
            packaged = []
        return sorted({*method_names(), *self.own, *packaged})

    def _owner(self, name: str) -> str | None:
        from mergec.methods.registry import method_names

        if name in self.own:
            other = self.own[name].method.plugin
            return f"`{other.name}`" if other is not None else "mergec"
        is_ours = name in {BLOCKWISE, CORE_SPACE} or name in method_names() or find_step(name) is not None
        return "mergec" if is_ours else None


def known_methods(recipe: Recipe, report: Report) -> KnownMethods:
    """The methods for a recipe: the files that it names are run, if that is allowed.

    Reports MC0381 to MC0383.
    """
    known = KnownMethods()
    for i, spec in enumerate(recipe.plugins):
        span = recipe.place.child("plugins").child(i).span()
        if spec.path is not None and not recipe.allows_plugins:
            report.add(PluginNotAllowed(span=span, plugin=spec.path))
            continue
        try:
            found = _methods_of(spec, recipe.folder)
        except PluginError as error:
            report.add(_bad(error, span))
        else:
            known.add(found, span, report)
    return known


def installed_methods(files: Sequence[Path], report: Report) -> KnownMethods:
    """The methods of files that a user named, and of all installed packages; reports MC0382 and MC0383."""
    from mergec.methods.plugin import methods_of_file, methods_of_packages

    known = KnownMethods()
    for path in files:
        try:
            known.add(methods_of_file(path, str(path)), None, report)
        except PluginError as error:
            report.add(_bad(error, None))
    try:
        known.add(methods_of_packages(), None, report)
    except PluginError as error:
        report.add(_bad(error, None))
    return known


def _methods_of(spec: PluginSpec, folder: Path) -> dict[str, MethodOperation]:
    from mergec.methods.plugin import methods_of_file, methods_of_packages

    if spec.path is not None:
        found = methods_of_file(folder / spec.path, spec.path)
    else:
        found = methods_of_packages(package=spec.package)
        if not found:
            raise PluginError(f"no package `{spec.package}` with methods is installed")
    for operation in found.values():
        plugin = operation.method.plugin
        if plugin is not None and spec.sha256 not in {None, plugin.sha256}:
            told = f"its SHA-256 is {plugin.sha256}"
            raise PluginError(f"the code of `{plugin.name}` is not what the recipe says", (told,))
    return found


def _bad(error: PluginError, span: Span | None) -> BadPlugin:
    return BadPlugin(span=span, problem=str(error), notes=error.notes)
