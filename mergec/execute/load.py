"""A box of a leaf read into a register."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Protocol

import torch

from mergec.execute.box import runs
from mergec.kernels.torch_dtypes import register_dtype

if TYPE_CHECKING:
    from mergec.ir.strided_view import StridedView


class Readable(Protocol):
    """What a register is filled from: a file, or a generator of values."""

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with the bytes from `offset` on."""


def load_box(source: Readable, box: StridedView, register: memoryview) -> None:
    """Read a box whose file order is its own order: run by run, straight into the register."""
    position = 0
    for offset, nbytes in runs(box):
        source.read_at(offset, register[position : position + nbytes])
        position += nbytes


def load_turned(source: Readable, box: StridedView, register: torch.Tensor, staging: memoryview) -> None:
    """Read a box in the file's own order into `staging`, then put it in order into the register.

    Axes of stride 0 (expanded tensors) are read once and repeated.
    """
    order = sorted(range(len(box.shape)), key=lambda axis: -box.strides[axis])
    shape = tuple(1 if box.strides[axis] == 0 else box.shape[axis] for axis in order)
    in_file_order = box._replace(shape=shape, strides=tuple(box.strides[axis] for axis in order))
    nbytes = prod(shape) * box.dtype.itemsize
    load_box(source, in_file_order, staging[:nbytes])
    read = torch.frombuffer(staging[:nbytes], dtype=register_dtype(box.dtype)).view(shape)
    inverse = [order.index(axis) for axis in range(len(order))]
    register.view(box.shape).copy_(read.permute(inverse).expand(box.shape))
