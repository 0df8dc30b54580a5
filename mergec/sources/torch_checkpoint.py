"""A PyTorch file of either format as a weight file with views."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from mergec.diagnostics import MergecError
from mergec.sources.checkpoint import Container, WeightFile
from mergec.sources.nest import named_tensors
from mergec.sources.open_file import identity_of, open_descriptor
from mergec.sources.sniff import ZIP_MAGIC
from mergec.sources.torch_errors import UnsupportedTensor
from mergec.sources.torch_legacy import StorageSpace, held_bytes, load_legacy
from mergec.sources.torch_tensor import UnsupportedTensorError, check_plain, is_tensor, view_of
from mergec.sources.torch_zip import TorchArchive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

    from mergec.diagnostics import Diagnostic
    from mergec.ir.strided_view import StridedView

_T = TypeVar("_T")


def open_torch(path: Path, file_index: int, *, nest: str | None) -> tuple[WeightFile, dict[str, StridedView]]:
    """The file at `path` as it is now, and its tensors as views into file number `file_index`.

    Raises:
        MergecError: it cannot be read, needs code to run, or has no tensors at `nest`.
    """
    with os.fdopen(open_descriptor(path), "rb") as stream:
        identity = identity_of(stream.fileno())
        if stream.read(len(ZIP_MAGIC)) == ZIP_MAGIC:
            archive = TorchArchive(stream, path)
            tensors = _plain_tensors(archive.tree, nest, path)
            views = _each(tensors, lambda t: view_of(t, file_index, archive.storage_of(t)), path)
            return WeightFile(path, identity, nest=nest), views
        tree = load_legacy(stream, path, data=False)
    tensors = _plain_tensors(tree, nest, path)
    space = StorageSpace(tensors.values())
    views = _each(tensors, lambda t: view_of(t, file_index, space.record_of(t)), path)
    return WeightFile(path, identity, Container.TORCH_LEGACY, held_bytes(tree), nest), views


def _plain_tensors(tree: object, nest: str | None, path: Path) -> dict[str, torch.Tensor]:
    """The tensors at `nest`, which are plain, all of them."""
    tensors = named_tensors(tree, nest, is_tensor, path)
    _each(tensors, check_plain, path)
    return tensors


def _each(tensors: dict[str, torch.Tensor], make: Callable[[torch.Tensor], _T], path: Path) -> dict[str, _T]:
    """What `make` gives for each tensor, or all the reasons why some are refused."""
    found: list[Diagnostic] = []
    made: dict[str, _T] = {}
    for name, tensor in tensors.items():
        try:
            made[name] = make(tensor)
        except UnsupportedTensorError as error:
            advice = "make it dense and of a common dtype, or remove it, and save the file again"
            found.append(UnsupportedTensor(path=str(path), tensor=name, reason=str(error), help=advice))
    if found:
        raise MergecError(found)
    return made
