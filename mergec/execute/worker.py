"""One worker: copies and computes until there is nothing left to do."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Protocol

from mergec.execute.copy_range import copy_range
from mergec.ir.program import COPY_BUFFER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mergec.execute.computers import Computers
    from mergec.execute.shared_tasks import Task
    from mergec.ir.plan import Plan, Region
    from mergec.sources.byte_source import ByteSource


class Sink(Protocol):
    """Where finished bytes go. Called from several threads, never for the same byte twice."""

    def write_at(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Write all of the buffer at a position of a shard's file."""

    def fileno(self, shard: int) -> int:
        """The file descriptor of a shard, for copies within the kernel."""

    def note_copied(self, shard: int, offset: int, nbytes: int, scratch: memoryview) -> None:
        """The kernel has written these bytes of a shard's file. `scratch` may be written to."""

    def note_done(self, tensor: int, nbytes: int, scratch: memoryview, *, is_finite: bool) -> None:
        """So many more bytes of a tensor are in its file. `scratch` may be written to.

        `is_finite`: all values of the tensor are finite that are there by now.
        """


class Worker:
    """Shares the sources and the sink with the other workers, and owns what it computes in.

    `place` is that of the task that it is at, or was at when it stopped.
    """

    def __init__(
        self,
        plan: Plan,
        sources: Sequence[ByteSource],
        sink: Sink,
        done: Callable[[Region, int, int], None],
        computers: Computers,
    ) -> None:
        """Prepare to carry out parts of the plan; `done` is told (region, elements, bytes) per tile.

        What computes is loaded here, and only for a plan that computes: copies need none of it.
        """
        self._sources = sources
        self._sink = sink
        self.place = (-1, -1)
        self._done = done
        self._not_finite = computers.not_finite
        self._buffer = memoryview(bytearray(COPY_BUFFER))
        if plan.computes:
            self._computer = computers.make()

    def run(self, tasks: Iterable[Task]) -> None:
        """Do tasks until there are none.

        Raises:
            MergecError: MC0701 where integers differ, MC02xx from a source, MC08xx from the sink.
        """
        for self.place, region, box in tasks:
            if box is None:
                self._computer.prepare(region)
                continue
            corner, size = box
            if region.is_copy:
                written = self._copy(region, corner[0], size[0])
            else:
                written = self._computer.compute(region, corner, size)
            is_finite = region.tensor not in self._not_finite
            self._sink.note_done(region.tensor, written, self._buffer, is_finite=is_finite)
            self._done(region, prod(size), written)

    def _copy(self, region: Region, start: int, count: int) -> int:
        view, target = region.leaves[0].view, region.target
        skipped, nbytes = view.dtype.nbytes(start), view.dtype.nbytes(count)
        source = self._sources[view.file]
        to = target.file, target.offset + skipped
        copy_range(source, view.offset + skipped, self._sink, to, nbytes, self._buffer)
        return nbytes
