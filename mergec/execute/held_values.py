"""The values that regions hold whole: each computed once, by the worker that needs it first."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import torch

from mergec.execute.arena import bind
from mergec.kernels.torch_dtypes import register_dtype

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.execute.arena import BoundProgram
    from mergec.ir.plan import HeldValue, LoadedLeaf, Plan, Region

    # Runs a bound program whose leaves are these.
    Run = Callable[[BoundProgram, tuple[LoadedLeaf, ...]], None]


@dataclass(slots=True)
class _Holding:
    """The values of one region while its tiles are computed."""

    tiles_left: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    values: tuple[torch.Tensor, ...] | None = None


class HeldValues:
    """Shared by all workers. A region's values are dropped after its last tile."""

    def __init__(self, plan: Plan) -> None:
        """Count the tiles of the regions that hold something."""
        self._holdings = {id(region): _Holding(_tiles(region)) for region in plan.regions if region.held}

    def of(self, region: Region, run: Run) -> tuple[torch.Tensor, ...]:
        """The values of a region; whoever comes while they are computed waits."""
        if not region.held:
            return ()
        holding = self._holdings[id(region)]
        with holding.lock:
            if holding.values is None:
                holding.values = tuple(_computed(value, run) for value in region.held)
            return holding.values

    def done(self, region: Region) -> None:
        """A tile of the region is finished."""
        if region.held:
            holding = self._holdings[id(region)]
            with holding.lock:
                holding.tiles_left -= 1
                if holding.tiles_left == 0:
                    holding.values = None


def _tiles(region: Region) -> int:
    return prod(-(-size // step) for size, step in zip(region.target.shape, region.tile, strict=True))


def _computed(value: HeldValue, run: Run) -> torch.Tensor:
    program = value.program
    staging = max((leaf.view.nbytes for leaf in value.leaves if not leaf.view.is_contiguous), default=0)
    block = torch.empty(program.single_bytes + 64 * len(program.registers) + staging, dtype=torch.uint8)
    bound = bind(program, 1, block)
    run(bound, value.leaves)
    if len(program.registers) == 1:
        return bound.result  # there is nothing else in the block that could be given back
    register = program.registers[program.result]
    return torch.empty(register.row, dtype=register_dtype(register.dtype)).copy_(bound.result)
