"""A box of a leaf that its file holds in another order."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch

from mergec.execute.load_box import load_box
from mergec.kernels.torch_dtypes import register_dtype

if TYPE_CHECKING:
    from mergec.execute.load_box import Readable
    from mergec.ir.strided_view import StridedView


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
