"""A worker's memory: one block, in which every program finds its registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from mergec.ir.program import REGISTER_ALIGNMENT
from mergec.kernels.table import KERNELS
from mergec.kernels.torch_dtypes import register_dtype

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.ir.program import Program


class Step(NamedTuple):
    """A kernel call with its registers; for a load, the number of the leaf and no kernel.

    A kernel that returns False has met values that are not finite.

    `held` are numbers of the region's held values, which follow the sources.
    """

    kernel: Callable[..., bool | None] | None
    out: torch.Tensor
    sources: tuple[torch.Tensor, ...]
    attributes: tuple[object, ...]
    out_bytes: memoryview
    held: tuple[int, ...]


class BoundProgram(NamedTuple):
    """A program with its registers in place, for tiles of one number of rows."""

    steps: tuple[Step, ...]
    result: torch.Tensor
    results: tuple[torch.Tensor, ...]
    result_bytes: memoryview
    staging: memoryview


class Arena:
    """Memory for one tile at a time."""

    def __init__(self, size: int) -> None:
        """Reserve `size` bytes; pages are touched only when used."""
        self._block = torch.empty(size, dtype=torch.uint8)
        self._known: dict[tuple[int, int], BoundProgram] = {}

    def bound(self, program: Program, rows: int) -> BoundProgram:
        """The program for a tile of so many rows. Its registers overlap those of other programs.

        Made once for all tiles of that size.
        """
        key = (id(program), rows)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = bind(program, rows, self._block)
        return found


def bind(program: Program, rows: int, block: torch.Tensor) -> BoundProgram:
    """The program with its registers one after another in a block of bytes, and the rest for staging."""
    whole = memoryview(block.numpy().data)
    tensors: list[torch.Tensor] = []
    views: list[memoryview] = []
    offset = 0
    for register in program.registers:
        count = 1 if register.is_single else rows
        size = count * register.row_bytes
        shape = register.row if register.is_single and not program.by_rows else (count, *register.row)
        tensors.append(block[offset : offset + size].view(register_dtype(register.dtype)).view(shape))
        views.append(whole[offset : offset + size])
        offset += -(-size // REGISTER_ALIGNMENT) * REGISTER_ALIGNMENT
    steps = tuple(
        Step(
            kernel=KERNELS.get(instruction.kernel),
            out=tensors[instruction.target],
            sources=tuple(tensors[register] for register in instruction.sources),
            attributes=instruction.attributes,
            out_bytes=views[instruction.target],
            held=instruction.held,
        )
        for instruction in program.instructions
    )
    results = tuple(tensors[number] for number in program.results)
    return BoundProgram(steps, tensors[program.result], results, views[program.result], whole[offset:])
