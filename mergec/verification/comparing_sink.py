"""Where recomputed bytes go: they are compared with those of an output, and written nowhere."""

from __future__ import annotations

import threading
from bisect import bisect_right
from dataclasses import dataclass, field
from math import fsum, inf, isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np

from mergec.ir.primitive import Reproducibility
from mergec.output.shard_files import read
from mergec.output.tensor_digests import CHUNK
from mergec.verification.float_values import float_values

if TYPE_CHECKING:
    from mergec.ir.plan import OutputLayout, PlacedTensor
    from mergec.verification.output_on_disk import OutputOnDisk


@dataclass(slots=True)
class OtherBytes:
    """How a recomputed tensor differs from the one in the output.

    `first` is the position of the first byte that does, counted from the tensor's first. `squares` are
    sums over parts of it, kept where a tolerance holds: of the squared differences, and of the squared
    recomputed values.
    """

    first: int | None = None
    squares: list[tuple[float, float]] = field(default_factory=list)

    @property
    def relative(self) -> float:
        """The L2 norm of the difference over that of the recomputed tensor; infinite without a tolerance."""
        # fsum rounds once, whatever the order in which threads added the parts.
        off, norm = (fsum(part[i] for part in self.squares) for i in range(2))
        return sqrt(off / norm) if norm and isfinite(off) else inf


class ComparingSink:
    """Takes what a plan computes; `found` tells of the tensors that differ, by number.

    Tensors are found in the output by their names, so that it may be divided into other files.
    """

    def __init__(self, layout: OutputLayout, output: OutputOnDisk, descriptors: dict[str, int]) -> None:
        """Compare with these open files of the output, by their names."""
        self._layout = layout
        self._output = output
        self._descriptors = descriptors
        self._numbers: list[list[int]] = [[] for _ in layout.shards]
        for number, tensor in sorted(enumerate(layout.tensors), key=lambda pair: pair[1].offset):
            if tensor.nbytes:
                self._numbers[tensor.shard].append(number)
        self._offsets = [[layout.tensors[n].offset for n in numbers] for numbers in self._numbers]
        self._lock = threading.Lock()
        self._own = threading.local()
        self._noted: dict[int, OtherBytes] = {}

    def write_at(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Compare all of the buffer with what the output has in its place.

        Raises:
            OSError: the output cannot be read.
        """
        number = self._numbers[shard][bisect_right(self._offsets[shard], offset) - 1]
        tensor = self._layout.tensors[number]
        file, view = self._output.tensors[tensor.name]
        data = buffer.cast("B")
        for start in range(0, len(data), CHUNK):
            part = data[start : start + CHUNK]
            stored = self._buffer(len(part))
            at = offset - tensor.offset + start
            read(self._descriptors[file], view.offset + at, memoryview(stored))
            # A bytearray compares as fast as the memory is read, a memoryview element by element.
            is_equal = stored == part
            if not is_equal or tensor.reproducibility is Reproducibility.R2:
                self._note(number, tensor, at, part, stored, is_equal=is_equal)

    def _buffer(self, nbytes: int) -> bytearray:
        """Memory of this thread, of just that size."""
        found: bytearray | None = getattr(self._own, "buffer", None)
        if found is None or len(found) != nbytes:
            found = self._own.buffer = bytearray(nbytes)
        return found

    def _note(
        self,
        number: int,
        tensor: PlacedTensor,
        at: int,
        part: memoryview,
        stored: bytearray,
        *,
        is_equal: bool,
    ) -> None:
        first = None if is_equal else at + _first_other(part, stored)
        squares = _squares(tensor, part, stored)
        with self._lock:
            one = self._noted.setdefault(number, OtherBytes())
            if first is not None and (one.first is None or first < one.first):
                one.first = first
            if squares is not None:
                one.squares.append(squares)

    @property
    def found(self) -> dict[int, OtherBytes]:
        """How tensors differ that do, by number."""
        return {number: one for number, one in sorted(self._noted.items()) if one.first is not None}

    def fileno(self, shard: int) -> int:  # noqa: ARG002  # the sinks' signature
        """None that the kernel could copy to: the bytes come through `write_at`."""
        return -1

    def note_copied(self, shard: int, offset: int, nbytes: int, scratch: memoryview) -> None:
        """Nothing was copied, and nobody wants to know of it."""

    def note_done(self, tensor: int, nbytes: int, scratch: memoryview, *, is_finite: bool) -> None:
        """Nobody wants to know of it."""


def _first_other(part: memoryview, stored: bytearray) -> int:
    other = np.frombuffer(part, np.uint8) != np.frombuffer(stored, np.uint8)
    return int(other.argmax())


def _squares(tensor: PlacedTensor, part: memoryview, stored: bytearray) -> tuple[float, float] | None:
    """What a part adds to the norms of a tensor that may differ within a tolerance."""
    if tensor.reproducibility is not Reproducibility.R2 or not tensor.dtype.is_float:
        return None
    made = float_values(tensor.dtype, part)
    with np.errstate(invalid="ignore"):
        off = made - float_values(tensor.dtype, stored)
    # Equal infinities and NaNs are no difference, and nothing to measure others by.
    off[np.frombuffer(part, _bits(tensor)) == np.frombuffer(stored, _bits(tensor))] = 0.0
    return float(np.square(off).sum()), float(np.square(made[np.isfinite(made)]).sum())


def _bits(tensor: PlacedTensor) -> str:
    return f"<u{tensor.dtype.itemsize}"
