"""From the path of a source to its checkpoint: the one way in."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.sources.checkpoint import Checkpoint
from mergec.sources.errors import NestNotUsable
from mergec.sources.gguf_header import open_gguf
from mergec.sources.locate import locate
from mergec.sources.safetensors_header import open_safetensors
from mergec.sources.sharded_index import open_sharded
from mergec.sources.sniff import Form, form_of
from mergec.sources.torch_checkpoint import open_torch
from mergec.sources.torch_errors import NestUnknown

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.diagnostics import Report, Span
    from mergec.ir.strided_view import StridedView
    from mergec.sources.checkpoint import WeightFile


def open_checkpoint(
    path: Path, *, nest: str | None, span: Span | None, report: Report, nest_span: Span | None = None
) -> Checkpoint | None:
    """Read the headers of the checkpoint at `path`.

    Args:
        path: a file, an index or a directory.
        nest: where the tensors sit in a nested PyTorch file, as keys joined with dots.
        span: where the recipe names the source; the diagnostics point there.
        report: takes the diagnostics.
        nest_span: where the recipe gives `nest`; those about it point there.

    Returns:
        The checkpoint, or None where the report got an error.
    """
    try:
        found = locate(path)
        if found.form is Form.GGUF:
            return _gguf_checkpoint(found.path, nest)
        if found.form is Form.INDEX:
            files, tensors = open_sharded(found.path, partial(_open_file, nest=nest))
        else:
            file, tensors = _open_file(found.path, 0, nest=nest)
            files = (file,)
    except MergecError as error:
        for diagnostic in error.diagnostics:
            is_nest = nest_span is not None and isinstance(diagnostic, NestNotUsable | NestUnknown)
            report.add(replace(diagnostic, span=nest_span if is_nest else span))
        return None
    return Checkpoint(files, tensors, found.directory)


def _gguf_checkpoint(path: Path, nest: str | None) -> Checkpoint:
    if nest is not None:
        raise _nest_not_usable(path, nest)
    file, tensors = open_gguf(path)
    views = {name: tensor.view for name, tensor in tensors.items()}
    types = {name: one.block_type for name, one in tensors.items() if one.block_type is not None}
    return Checkpoint((file,), views, block_types=types)


def _nest_not_usable(path: Path, nest: str) -> MergecError:
    advice = "remove `nest`; use `keep` and `rename` to choose and cut prefixes"
    return MergecError([NestNotUsable(path=str(path), nest=nest, help=advice)])


def _open_file(path: Path, file_index: int, *, nest: str | None) -> tuple[WeightFile, dict[str, StridedView]]:
    """One weight file and its tensors."""
    if form_of(path) is Form.SAFETENSORS:
        if nest is not None:
            raise _nest_not_usable(path, nest)
        return open_safetensors(path, file_index)
    return open_torch(path, file_index, nest=nest)
