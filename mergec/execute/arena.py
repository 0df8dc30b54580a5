"""A worker's memory: one block, in which every program finds its registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from mergec.ir.plan import REGISTER_ALIGNMENT
from mergec.kernels.elementwise import KERNELS
from mergec.kernels.torch_dtypes import register_dtype

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.ir.plan import Program


class Step(NamedTuple):
    """A kernel call with its registers; for a load, the number of the leaf and no kernel."""

    kernel: Callable[..., None] | None
    out: torch.Tensor
    sources: tuple[torch.Tensor, ...]
    attributes: tuple[object, ...]
    out_bytes: memoryview


class BoundProgram(NamedTuple):
    """A program with its registers in place, for tiles of one number of elements."""

    steps: tuple[Step, ...]
    result: memoryview
    staging: memoryview


class Arena:
    """Memory for one tile at a time."""

    def __init__(self, size: int) -> None:
        """Reserve `size` bytes; pages are touched only when used."""
        self._block = torch.empty(size, dtype=torch.uint8)
        self._bytes = memoryview(self._block.numpy().data)
        self._known: dict[tuple[int, int], BoundProgram] = {}

    def bound(self, program: Program, elements: int) -> BoundProgram:
        """The program for a tile of so many elements. Its registers overlap those of other programs.

        Made once for all tiles of that size.
        """
        key = (id(program), elements)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._bind(program, elements)
        return found

    def _bind(self, program: Program, elements: int) -> BoundProgram:
        tensors: list[torch.Tensor] = []
        views: list[memoryview] = []
        offset = 0
        for dtype in program.registers:
            size = elements * dtype.itemsize
            tensors.append(self._block[offset : offset + size].view(register_dtype(dtype)))
            views.append(self._bytes[offset : offset + size])
            offset += -(-size // REGISTER_ALIGNMENT) * REGISTER_ALIGNMENT
        steps = tuple(
            Step(
                kernel=KERNELS.get(instruction.kernel),
                out=tensors[instruction.target],
                sources=tuple(tensors[register] for register in instruction.sources),
                attributes=instruction.attributes,
                out_bytes=views[instruction.target],
            )
            for instruction in program.instructions
        )
        return BoundProgram(steps, views[program.result], self._bytes[offset:])
