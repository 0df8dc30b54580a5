"""Graphs of adapter folds without files: tensors made of arrays, and their values in float64.

The interpreter is written apart from mergec's kernels, from the definitions of the primitives.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.adapters.adapter import Adapter, Delta, Reading, Replacement
from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor
from mergec.ir.graph import Graph
from mergec.ir.primitives import READ
from mergec.ir.source_facts import SourceFacts
from mergec.ir.strided_view import StridedView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mergec.adapters.dialect import Dialect

    Array = NDArray[Any]

_DTYPES = {
    np.dtype(np.float16): DType.F16,
    np.dtype(np.float32): DType.F32,
    np.dtype(np.float64): DType.F64,
    np.dtype(np.int64): DType.I64,
    np.dtype(np.uint8): DType.U8,
}


class Bench:
    """A graph whose leaves are arrays."""

    def __init__(self) -> None:
        """Start with an empty graph."""
        self.graph = Graph()
        self._arrays: dict[int, Array] = {}

    def tensor(self, values: Array) -> Tensor:
        """A leaf with these values."""
        file = len(self._arrays)
        view = StridedView.contiguous(file, 0, _DTYPES[values.dtype], values.shape)
        degree = 1.0 if values.dtype.kind == "f" else None
        self._arrays[file] = values
        return Tensor(self.graph, self.graph.add(READ, (), (view, degree)))

    def tensors(self, values: Mapping[str, Array]) -> dict[str, Tensor]:
        """Leaves by name."""
        return {name: self.tensor(array) for name, array in values.items()}

    def facts(
        self,
        config: Mapping[str, object] | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        folder: Path = Path("adapter"),
    ) -> SourceFacts:
        """What lies beside an adapter; `config` is its adapter_config.json."""
        return SourceFacts(
            "style",
            folder,
            folder,
            adapter_config=config,
            metadata=metadata or {},
            read_values=lambda view: [float(value) for value in self._arrays[view.file].ravel()],
        )

    def adapter(self, values: Mapping[str, Array], facts: SourceFacts, *, residual: bool = False) -> Adapter:
        """An adapter as `op: lora` hands it to a dialect."""
        tensors = {
            name: tensor.finite() if tensor.dtype.is_float else tensor
            for name, tensor in self.tensors(values).items()
        }
        return Adapter("style", tensors, facts, None, residual)

    def value(self, tensor: Tensor) -> Array:
        """The values of a tensor, computed in float64."""
        assert not self.graph.mismatches, "all operands fit"
        values: dict[int, Array] = {}
        for node in self.graph.reachable([tensor.node]):
            made = self.graph[node]
            if made.primitive is READ:
                values[node] = self._arrays[made.attributes[0].file].astype(np.float64)
            else:
                operands = [values[number] for number in made.inputs]
                values[node] = PRIMITIVES[made.primitive.name](*operands, *made.attributes)
            assert values[node].shape == made.type.shape, made.primitive.name
        return values[tensor.node]

    def folded(self, reading: Reading, base: Mapping[str, Tensor]) -> dict[str, Array]:
        """What the folds make of the base at strength 1, in float64; tensors without a fold are left out."""
        results: dict[str, Tensor] = {}
        originals = dict(base)
        for fold in reading.folds:
            if isinstance(fold, Replacement):
                results[fold.target] = originals[fold.target] = fold.value
                continue
            before = results.get(fold.target, originals.get(fold.target))
            assert before is not None
            if isinstance(fold, Delta):
                assert fold.value.shape == before.shape
                results[fold.target] = before + fold.value * fold.scale
            else:
                results[fold.target] = fold.change(before, originals[fold.target])
        return {name: self.value(tensor) for name, tensor in results.items()}


def folded_by(
    dialect: Dialect,
    base: Mapping[str, Array],
    adapter: Mapping[str, Array],
    config: Mapping[str, object] | None = None,
    *,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Array]:
    """What an adapter makes of a base, every tensor of it used and nothing found wrong."""
    bench = Bench()
    tensors = bench.tensors(base)
    reading = dialect.read(bench.adapter(adapter, bench.facts(config, metadata=metadata)), tensors)
    assert [problem.message for problem in reading.problems] == []
    assert reading.unmatched == {}
    used = {name for fold in reading.folds for name in fold.uses} | reading.ignored.keys()
    assert used == adapter.keys(), "no tensor of the adapter is lost"
    return bench.folded(reading, tensors)


def _matmul(rows: Array, held: Array) -> Array:
    if held.ndim == 2:
        plain: Array = rows @ held
        return plain
    blocks = rows.reshape(len(rows), held.shape[0], held.shape[1])
    made: Array = np.einsum("ngk,gkc->ngc", blocks, held).reshape(len(rows), -1)
    return made


def _row_norm(value: Array) -> Array:
    flat: Array = np.sqrt((value.reshape(len(value), -1) ** 2).sum(axis=1))
    return flat.reshape(-1, *(1 for _ in value.shape[1:]))


def _skew(rows: Array, size: int) -> Array:
    made = np.zeros((len(rows), size, size))
    upper = np.triu_indices(size, 1)
    made[:, upper[0], upper[1]] = rows
    return made - made.transpose(0, 2, 1)


def _cayley(skew: Array, terms: int) -> Array:
    """(I + Q)(I - Q)^-1; or with n terms I + 2Q + ... + 2Q^(n-2) + Q^(n-1), as PEFT counts them."""
    one = np.eye(skew.shape[1])
    if not terms:
        solved: Array = (one + skew) @ np.linalg.inv(one - skew)
        return solved
    powers = [np.broadcast_to(one, skew.shape)]
    for _ in range(1, terms):
        powers.append(powers[-1] @ skew)
    made: Array = powers[0] + 2 * sum(powers[1:-1]) + powers[-1]
    return made


def _slice(value: Array, axis: int, start: int, stop: int) -> Array:
    return np.take(value, range(start, stop), axis)


def _concat(*operands: Any) -> Array:
    *parts, axis = operands
    return np.concatenate(parts, axis)


PRIMITIVES: dict[str, Callable[..., Array]] = {
    "fill": lambda shape, _, value, __: np.full(shape, value),
    "cast": lambda value, _: value,
    "with_degree": lambda value, _: value,
    "finite": lambda value: value,
    "scale": lambda value, factor: value * factor,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "slice": _slice,
    "concat": _concat,
    "matmul": _matmul,
    "row_norm": _row_norm,
    "gather_columns": lambda value, columns: value[:, list(columns)],
    "reshape": lambda value, shape: value.reshape(shape),
    "permute": lambda value, order: value.transpose(order),
    "skew": _skew,
    "cayley": _cayley,
}
