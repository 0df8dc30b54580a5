"""Two checkpoints beside each other, tensor by tensor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from mergec.sources import open_bytes
from mergec.verification.value_difference import Placed, ValueDifference, value_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mergec.ir.strided_view import StridedView
    from mergec.sources.byte_source import ByteSource
    from mergec.sources.checkpoint import Checkpoint


class Kind(Enum):
    """What two checkpoints have of a tensor."""

    EQUAL = "equal"
    VALUES = "values"
    DTYPE = "dtype"
    SHAPE = "shape"
    ONLY_FIRST = "only_in_a"
    ONLY_SECOND = "only_in_b"


class TensorPair(NamedTuple):
    """A name, and its tensor in each checkpoint that has it. `values` tell of those that can be measured."""

    name: str
    kind: Kind
    first: StridedView | None
    second: StridedView | None
    values: ValueDifference | None = None


def compare_checkpoints(
    first: Checkpoint,
    second: Checkpoint,
    names: Collection[str],
    workers: int,
    progress: Callable[[int], None],
) -> list[TensorPair]:
    """The named tensors of both, in this order. Each thread holds a few blocks of values, and no tensor.

    `progress` is called from the threads with bytes of the first that were read.

    Raises:
        MergecError: MC02xx from a file.
    """
    with ExitStack() as stack:
        opened = [
            [stack.enter_context(closing(open_bytes(file))) for file in one.files] for one in (first, second)
        ]

        def pair(name: str) -> TensorPair:
            kind = _kind(name, first, second)
            found = first.tensors.get(name), second.tensors.get(name)
            if kind not in {Kind.EQUAL, Kind.DTYPE}:
                return TensorPair(name, kind, *found)
            values = value_difference(
                _placed(name, first, opened[0]), _placed(name, second, opened[1]), progress
            )
            if kind is Kind.EQUAL and values is not None:
                kind = Kind.VALUES
            return TensorPair(name, kind, *found, values)

        pool = ThreadPoolExecutor(workers, "mergec-diff")
        try:
            pairs = list(pool.map(pair, names))
        finally:
            pool.shutdown(cancel_futures=True)
        for source in (source for sources in opened for source in sources):
            source.check_unchanged()
    return pairs


def compare_digests(
    first: Checkpoint,
    second: Checkpoint,
    names: Sequence[str],
    digests: tuple[Mapping[str, str], Mapping[str, str]],
) -> list[TensorPair]:
    """The same from the digests that two manifests hold: no weight is read, and nothing is measured."""
    pairs = []
    for name in names:
        kind = _kind(name, first, second)
        if kind is Kind.EQUAL and digests[0].get(name) != digests[1].get(name):
            kind = Kind.VALUES
        pairs.append(TensorPair(name, kind, first.tensors.get(name), second.tensors.get(name)))
    return pairs


def all_names(first: Checkpoint, second: Checkpoint) -> list[str]:
    """The names of both checkpoints, those of the first in its order and then what only the second has."""
    return list(dict.fromkeys((*first.tensors, *second.tensors)))


def _kind(name: str, first: Checkpoint, second: Checkpoint) -> Kind:
    """What headers tell; EQUAL if only the bytes could differ."""
    one, two = first.tensors.get(name), second.tensors.get(name)
    if two is None:
        return Kind.ONLY_FIRST
    if one is None:
        return Kind.ONLY_SECOND
    if one.shape != two.shape:
        return Kind.SHAPE
    is_same = one.dtype is two.dtype and first.block_types.get(name) == second.block_types.get(name)
    return Kind.EQUAL if is_same else Kind.DTYPE


def _placed(name: str, checkpoint: Checkpoint, sources: Sequence[ByteSource]) -> Placed:
    view = checkpoint.tensors[name]
    return Placed(view, sources[view.file], is_number=name not in checkpoint.block_types)
