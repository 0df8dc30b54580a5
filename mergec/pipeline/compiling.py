"""Text to checked graph."""

from __future__ import annotations

import gc
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.check.check_graph import check
from mergec.diagnostics import MergecError, Report
from mergec.lower.bind import bind
from mergec.lower.lower_recipe import lower
from mergec.provenance.ancestors import ancestors, report_cards
from mergec.recipe.load import Recipe, load_recipe
from mergec.recipe.param_notes import with_parameters
from mergec.sources.source_table import SourceTable, open_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mergec.ir.graph import CheckedGraph
    from mergec.lower.bind import BoundRecipe
    from mergec.sources.byte_source import ByteSource


@dataclass(frozen=True, slots=True)
class Compiled:
    """The recipe at a path, known to be sound. `overrides` are parameters that were given beside it."""

    path: Path
    recipe: Recipe
    sources: SourceTable
    checked: CheckedGraph
    overrides: Mapping[str, str]

    @property
    def bound(self) -> BoundRecipe:
        """The recipe with its operations; what there is to say of it was said when it was compiled."""
        return bind(self.recipe, Report())

    @property
    def inputs(self) -> list[Path]:
        """The files and folders that a build reads."""
        side_files = self.sources.side_files
        folders = [folder.path for folder in side_files.folders] if side_files is not None else []
        return [*(file.path for file in self.sources.files), *folders]

    def opened(self, stack: ExitStack) -> list[ByteSource]:
        """The bytes of all weight files, until the stack is left.

        Raises:
            MergecError: MC02xx.
        """
        from mergec.sources import open_bytes

        return [stack.enter_context(closing(open_bytes(file))) for file in self.sources.files]


def compile_recipe(
    path: Path, overrides: Mapping[str, str], report: Report, *, allow_plugins: bool = False
) -> Compiled:
    """Text to checked graph, from headers alone. The recipe's plugins are run only if that is allowed.

    Raises:
        MergecError: what the first stage that found errors found.
    """
    try:
        recipe = load_recipe(path, overrides, report, allow_plugins=allow_plugins)
        return compile_loaded(path, recipe, overrides, report)
    except MergecError as error:
        raise MergecError(with_parameters(error.diagnostics, overrides)) from error


def compile_loaded(path: Path, recipe: Recipe, overrides: Mapping[str, str], report: Report) -> Compiled:
    """A recipe that was read already, to checked graph. `path` is where it stands.

    Raises:
        MergecError: what the first stage that found errors found.
    """
    with collector_paused():
        bound = bind(recipe, report)
        sources = open_sources(recipe, bound.sources, report)
        lowered = lower(bound, sources, report)
        checked = check(lowered, sources.names, report)
        report_cards(ancestors(bound, sources), recipe, report)
        return Compiled(path, recipe, sources, checked, overrides)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Graphs are a million small tuples without a cycle: looking for cycles would double the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
