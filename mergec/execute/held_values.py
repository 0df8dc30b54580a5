"""The values that regions hold whole: each computed once, by the worker that needs it first."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

from mergec.execute.region_groups import region_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.plan import Plan, Region
    from mergec.ir.program import HeldValue

    Values = tuple[Any, ...]
    """Of torch or of NumPy, as the evaluator is."""


class Making(Protocol):
    """An evaluator, of torch or of NumPy."""

    def whole(self, values: Sequence[HeldValue]) -> Values:
        """The values, one after another."""


@dataclass(slots=True)
class _Holding:
    """The values of some regions while their tiles are computed."""

    tiles_left: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    values: Values | None = None


class HeldValues:
    """Shared by all workers. Values are dropped after the last tile of the regions that hold them."""

    def __init__(self, plan: Plan) -> None:
        """Count the tiles of the regions that hold something."""
        self._holdings: dict[int, _Holding] = {}
        for group in region_groups(plan.regions):
            holding = _Holding(sum(_tiles(region) for _, region in group if region.held))
            self._holdings.update((id(region), holding) for _, region in group if region.held)

    def of(self, region: Region, evaluator: Making) -> Values:
        """The values of a region; whoever comes while they are computed waits."""
        if not region.held:
            return ()
        holding = self._holdings[id(region)]
        with holding.lock:
            if holding.values is None:
                holding.values = evaluator.whole(region.held)
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
