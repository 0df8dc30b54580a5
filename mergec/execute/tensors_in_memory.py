"""The tensors of a plan one by one in memory, rather than in files."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mergec.execute.run_plan import run_plan
from mergec.ir.dtype import DType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mergec.ir.plan import PlacedTensor, Plan, Region
    from mergec.sources.byte_source import ByteSource

_NUMPY = {
    DType.BOOL: "?",
    DType.I8: "i1",
    DType.I16: "<i2",
    DType.F16: "<f2",
    DType.I32: "<i4",
    DType.F32: "<f4",
    DType.C64: "<c8",
    DType.I64: "<i8",
    DType.F64: "<f8",
}


class TensorsInMemory(Mapping[str, "NDArray[np.generic]"]):
    """The output of a plan by name: each tensor is computed when it is asked for, and not kept.

    Where numpy lacks a dtype, the array holds the elements' bits as unsigned integers; where elements are
    less than a byte each, it is the flat array of bytes.
    """

    def __init__(
        self, plan: Plan, sources: Sequence[ByteSource], decisions: Sequence[NDArray[np.generic]]
    ) -> None:
        """Carry this plan out in parts; `decisions` are the vectors that its decisions gave."""
        self._plan = plan
        self._sources = sources
        self._decisions = decisions
        self._numbers = {tensor.name: number for number, tensor in enumerate(plan.layout.tensors)}
        self._regions: defaultdict[int, list[Region]] = defaultdict(list)
        for region in plan.regions:
            self._regions[region.tensor].append(region)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __getitem__(self, name: str) -> NDArray[np.generic]:
        placed = self._plan.layout.tensors[self._numbers[name]]
        memory = _Memory(placed)
        regions = tuple(self._regions[self._numbers[name]])
        run_plan(
            replace(self._plan, regions=regions),
            self._sources,
            memory,
            lambda _tensor, _bytes: None,
            self._decisions,
        )
        return memory.array()

    def dtype(self, name: str) -> DType:
        """What the elements of a tensor are."""
        return self._plan.layout.tensors[self._numbers[name]].dtype


class _Memory:
    """The part of a shard that one tensor fills."""

    def __init__(self, placed: PlacedTensor) -> None:
        self._placed = placed
        self._data = np.zeros(placed.nbytes, np.uint8)
        self._lock = threading.Lock()

    def write_at(self, shard: int, offset: int, buffer: memoryview) -> None:
        assert shard == self._placed.shard
        start = offset - self._placed.offset
        with self._lock:
            self._data[start : start + len(buffer)] = np.frombuffer(buffer, np.uint8)

    def fileno(self, shard: int) -> int:
        """None that the kernel could copy to: the bytes go through `write_at`."""
        assert shard == self._placed.shard
        return -1

    def note_copied(self, shard: int, offset: int, nbytes: int, scratch: memoryview) -> None:
        """Nothing was copied, and nobody wants to know of it."""

    def note_done(self, tensor: int, nbytes: int, scratch: memoryview, *, is_finite: bool) -> None:
        """Nobody wants to know of it."""

    def array(self) -> NDArray[np.generic]:
        dtype = self._placed.dtype
        if not dtype.itemsize:
            return self._data
        return self._data.view(_NUMPY.get(dtype, f"<u{dtype.itemsize}")).reshape(self._placed.shape)
