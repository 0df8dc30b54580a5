"""A worker's memory: one block, in which every program finds its registers."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import torch

from mergec.ir.plan import REGISTER_ALIGNMENT
from mergec.kernels.torch_dtypes import register_dtype

if TYPE_CHECKING:
    from mergec.ir.plan import Program, Region


class Registers(NamedTuple):
    """The registers of a program for one size of tile: as tensors and as writable bytes."""

    tensors: tuple[torch.Tensor, ...]
    bytes: tuple[memoryview, ...]
    staging: memoryview


class Arena:
    """Memory for one tile at a time."""

    def __init__(self, size: int) -> None:
        """Reserve `size` bytes; pages are touched only when used."""
        self._block = torch.empty(size, dtype=torch.uint8)
        self._bytes = memoryview(self._block.numpy().data)
        self._known: dict[tuple[int, int], Registers] = {}

    def registers(self, region: Region) -> Registers:
        """The registers for a full tile of the region. They overlap those of other regions."""
        elements = prod(region.tile)
        key = (id(region.program), elements)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._divide(region.program, elements)
        return found

    def _divide(self, program: Program, elements: int) -> Registers:
        tensors: list[torch.Tensor] = []
        views: list[memoryview] = []
        offset = 0
        for dtype in program.registers:
            size = elements * dtype.itemsize
            tensors.append(self._block[offset : offset + size].view(register_dtype(dtype)))
            views.append(self._bytes[offset : offset + size])
            offset += -(-size // REGISTER_ALIGNMENT) * REGISTER_ALIGNMENT
        return Registers(tuple(tensors), tuple(views), self._bytes[offset:])
