"""A tile put into the order in which a file holds it."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from mergec.ir.strided_view import StridedView


def in_file_order(
    box: StridedView, register: torch.Tensor, staging: memoryview
) -> tuple[StridedView, memoryview]:
    """The box with its axes from slowest to fastest in the file, and the register's bytes in that order."""
    order = tuple(sorted(range(len(box.shape)), key=lambda axis: -box.strides[axis]))
    turned = box.permuted(order)
    nbytes = prod(box.shape) * box.dtype.itemsize
    target = torch.frombuffer(staging[:nbytes], dtype=register.dtype).view(turned.shape)
    target.copy_(register.view(box.shape).permute(order))
    return turned, staging[:nbytes]
