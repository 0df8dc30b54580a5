"""A graph under construction, carried out by the real executor on sources in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.execute.decide import decide
from mergec.execute.run_plan import run_plan
from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor
from mergec.ir.graph import CheckedGraph, Graph, OutputTensor
from mergec.ir.primitives import READ
from mergec.ir.strided_view import StridedView
from mergec.optimise import optimise
from mergec.schedule.make_plan import Limits, make_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mergec.ir.plan import Plan

    Array = NDArray[Any]


class Bytes:
    """A source in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, buffer: memoryview) -> None:
        assert offset + len(buffer) <= self.size
        buffer[:] = self._data[offset : offset + len(buffer)]

    def check_unchanged(self) -> None:
        pass

    def close(self) -> None:
        pass


class Sink:
    """A shard in memory, every byte of which is to be written once."""

    def __init__(self, size: int) -> None:
        self.data = np.zeros(size, np.uint8)
        self.times = np.zeros(size, np.uint8)
        self.done: dict[int, int] = {}
        self._lock = threading.Lock()

    def write_at(self, shard: int, offset: int, buffer: memoryview) -> None:
        assert shard == 0
        with self._lock:
            self.data[offset : offset + len(buffer)] = np.frombuffer(buffer, np.uint8)
            self.times[offset : offset + len(buffer)] += 1

    def fileno(self, shard: int) -> int:
        raise AssertionError(f"a copy to {shard} within the kernel")

    def note_copied(self, shard: int, offset: int, nbytes: int, scratch: memoryview) -> None:  # noqa: ARG002
        raise AssertionError(f"a copy to {shard} within the kernel")

    def note_done(
        self,
        tensor: int,
        nbytes: int,
        scratch: memoryview,  # noqa: ARG002
        *,
        is_finite: bool,  # noqa: ARG002
    ) -> None:
        with self._lock:
            self.done[tensor] = self.done.get(tensor, 0) + nbytes


class Bench:
    """A graph under construction and the values of its leaves."""

    def __init__(self) -> None:
        self.graph = Graph()
        self._files: list[bytes] = []
        self.outputs: dict[str, Tensor] = {}

    def leaf(self, values: Array) -> Tensor:
        dtype = {"float32": DType.F32, "float16": DType.F16, "float64": DType.F64}[values.dtype.name]
        view = StridedView.contiguous(len(self._files), 0, dtype, values.shape)
        self._files.append(values.tobytes())
        return Tensor(self.graph, self.graph.add(READ, (), (view, 1.0)))

    def plan(self, budget: int = 1 << 30, workers: int = 1) -> Plan:
        outputs = tuple(OutputTensor(name, tensor.node) for name, tensor in self.outputs.items())
        assert not self.graph.mismatches
        checked = optimise(CheckedGraph(self.graph, outputs, {}))
        return make_plan(checked, [], Limits(budget, workers, 1 << 40, "out.safetensors"))

    def run(self, **limits: int) -> dict[str, Array]:
        plan = self.plan(**limits)
        sink = Sink(plan.layout.nbytes)
        sources = [Bytes(data) for data in self._files]
        vectors = decide(plan, sources, None).vectors
        run_plan(plan, sources, sink, lambda _tensor, _bytes: None, vectors)
        found: dict[str, Array] = {}
        for tensor in plan.layout.tensors:
            part = slice(tensor.offset, tensor.offset + tensor.nbytes)
            assert (sink.times[part] == 1).all()
            dtype = {DType.F16: np.float16, DType.F32: np.float32, DType.F64: np.float64}[tensor.dtype]
            found[tensor.name] = np.frombuffer(sink.data[part].tobytes(), dtype).reshape(tensor.shape)
        return found
