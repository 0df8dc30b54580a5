"""A checkpoint that a command line names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.sources.open_checkpoint import open_checkpoint
from mergec.sources.open_file import RELATIVE
from mergec.sources.torch_errors import NestAmbiguous

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.diagnostics import Diagnostic, Report
    from mergec.sources.checkpoint import Checkpoint


def opened(path: Path, nest: str | None, report: Report) -> Checkpoint:
    """The checkpoint at `path`, from its headers.

    Raises:
        MergecError: it cannot be opened; with all that was reported.
    """
    checkpoint = open_checkpoint(path, nest=nest, span=None, report=report)
    if checkpoint is not None:
        return checkpoint
    raise MergecError(map(without_recipe, report.diagnostics))


def without_recipe(one: Diagnostic) -> Diagnostic:
    """A finding about a source as a command line without a recipe has it."""
    if isinstance(one, NestAmbiguous):  # its help lists the candidates, as a recipe would name them
        return replace(one, notes=(*one.notes, "on this command line it is an option: `--nest PLACE`"))
    return replace(one, help=one.help.removesuffix(RELATIVE)) if one.help else one
