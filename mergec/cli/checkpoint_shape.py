"""What a symmetry table sees of a checkpoint on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.opened import opened, without_recipe
from mergec.cli.settings import current_settings
from mergec.cli.streams import print_diagnostics
from mergec.diagnostics import Report
from mergec.sources.side_config import read_config
from mergec.symmetries.model_shape import ModelShape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mergec.ir.strided_view import StridedView


def checkpoint_shape(path: Path, nest: str | None) -> ModelShape:
    """Names and shapes from the headers, and the config.json beside them. Findings go to stderr.

    Raises:
        MergecError: the checkpoint cannot be opened.
    """
    report = Report()
    checkpoint = opened(path, nest, report)
    config = read_config(checkpoint.directory or path.parent, None, report)
    if not current_settings().is_quiet:
        print_diagnostics(map(without_recipe, report.diagnostics), current_settings())
    shapes = {name: view.shape for name, view in checkpoint.tensors.items()}
    return ModelShape(str(path), shapes, config, _same(checkpoint.tensors))


def _same(tensors: Mapping[str, StridedView]) -> dict[str, str]:
    """For each name that shares its bytes with an earlier one, that one."""
    first: dict[StridedView, str] = {}
    for name, view in tensors.items():
        first.setdefault(view, name)
    return {name: first[view] for name, view in tensors.items() if first[view] != name}
