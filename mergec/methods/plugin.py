"""Methods that do not come with mergec: in a file that a recipe names, or in an installed package."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from mergec.methods.method import Method
from mergec.methods.method_operation import MethodOperation
from mergec.methods.plugin_guard import PluginError, guarded

if TYPE_CHECKING:
    from collections.abc import Iterable

ENTRY_POINTS = "mergec.methods"
_MODULE = "mergec_plugin_"


@dataclass(frozen=True, slots=True)
class Plugin:
    """Where methods come from: a path as it was written, or the name of a package.

    `own` is where the code lies, and `sha256` a digest of it.
    """

    name: str
    sha256: str
    own: Path
    is_package: bool


def methods_of_file(path: Path, written: str) -> dict[str, MethodOperation]:
    """The methods that a file declares, by name: the file is run.

    A plugin is one file, and what it imports are installed packages: its text decides what it does. The same
    text is run once.

    Raises:
        PluginError: there is no such file, it fails, or declares no method.
    """
    try:
        code = path.read_bytes()
    except OSError as error:
        raise PluginError(f"the plugin `{written}` cannot be read: {error.strerror or error}") from None
    plugin = Plugin(written, sha256(code).hexdigest(), path, is_package=False)
    with guarded(f"the plugin `{written}` cannot be run", path):
        module = _module(f"{_MODULE}{plugin.sha256}", path, code)
        declared = [one for one in vars(module).values() if isinstance(one, Method)]
        made = _operations((one for one in declared if one.build.__module__ == module.__name__), plugin)
    if not made:
        raise PluginError(f"the plugin `{written}` declares no method with `@method`")
    return made


def _module(name: str, path: Path, code: bytes) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # where type hints, and functions that a build calls, are looked up
    try:
        exec(compile(code, str(path), "exec"), vars(module))  # noqa: S102  # what --allow-plugins allows
    except BaseException:
        del sys.modules[name]
        raise
    return module


def methods_of_packages(*, name: str | None = None, package: str | None = None) -> dict[str, MethodOperation]:
    """The methods of installed packages, by name: all, that of one name, or those of one package.

    Raises:
        PluginError: a package fails, or what it names is no method of that name.
    """
    found: dict[str, MethodOperation] = {}
    for entry in sorted(metadata.entry_points(group=ENTRY_POINTS), key=lambda one: one.name):
        owner = entry.dist.name if entry.dist is not None else entry.module
        if name not in {None, entry.name} or package not in {None, owner}:
            continue
        with guarded(f"`{entry.name}` of the package `{owner}` cannot be imported", _folder(entry.module)):
            method = entry.load()
        if not isinstance(method, Method) or method.name != entry.name:
            raise PluginError(f"`{entry.value}` of the package `{owner}` is no method named `{entry.name}`")
        if entry.name in found:
            raise PluginError(f"two installed packages have a method `{entry.name}`, and one is `{owner}`")
        folder = _folder(entry.module)
        found |= _operations([method], Plugin(owner, _digest(folder), folder, is_package=True))
    return found


def _operations(methods: Iterable[Method], plugin: Plugin) -> dict[str, MethodOperation]:
    return {one.name: MethodOperation(replace(one, plugin=plugin)) for one in methods}


def _folder(module: str) -> Path:
    """Where the code of the package lies that a module belongs to: a folder, or a single file."""
    spec = find_spec(module.partition(".")[0])
    if spec is None or spec.origin is None:
        return Path()
    return Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)


def _digest(own: Path) -> str:
    """A digest of all Python code of a package."""
    digest = sha256()
    for file in sorted(own.rglob("*.py")) if own.is_dir() else [own]:
        code = file.read_bytes()
        digest.update(f"{file.relative_to(own.parent).as_posix()} {len(code)}\n".encode())
        digest.update(code)
    return digest.hexdigest()
