"""A plan carried out by threads. All decisions are in the plan; this only does them."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Protocol

import torch

from mergec.execute.box import boxes
from mergec.execute.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mergec.ir.plan import Plan, Region
    from mergec.ir.strided_view import Shape
    from mergec.sources.byte_source import ByteSource


class Sink(Protocol):
    """Where finished bytes go. Called from several threads, never for the same byte twice."""

    def write_at(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Write all of the buffer at a position of a shard's file."""

    def fileno(self, shard: int) -> int:
        """The file descriptor of a shard, for copies within the kernel."""


Task = tuple["Region", "Shape", "Shape"]


def run_plan(
    plan: Plan, sources: Sequence[ByteSource], sink: Sink, progress: Callable[[int, int], None]
) -> None:
    """Compute every region and hand its bytes to the sink.

    Raises:
        MergecError: what a worker met first; the other workers stop after their tile.
        KeyboardInterrupt: likewise.
    """
    tasks = _SharedTasks(plan)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the workers are the parallelism; inner threads would change sums
    try:
        if plan.memory.workers == 1:
            Worker(plan, sources, sink, progress).run(tasks)
            return
        with ThreadPoolExecutor(plan.memory.workers, thread_name_prefix="mergec") as pool:
            started = [
                pool.submit(Worker(plan, sources, sink, progress).run, tasks)
                for _ in range(plan.memory.workers)
            ]
            try:
                wait(started, return_when=FIRST_EXCEPTION)
            finally:
                tasks.stop()
        for future in started:
            future.result()
    finally:
        torch.set_num_threads(threads)


class _SharedTasks:
    """The tiles of all regions in order, each handed to one worker."""

    def __init__(self, plan: Plan) -> None:
        self._tasks = _tasks(plan)
        self._lock = threading.Lock()
        self._is_stopped = False

    def stop(self) -> None:
        """Hand out nothing more."""
        self._is_stopped = True

    def __iter__(self) -> Iterator[Task]:
        while not self._is_stopped:
            with self._lock:
                task = next(self._tasks, None)
            if task is None:
                return
            yield task


def _tasks(plan: Plan) -> Iterator[Task]:
    for region in plan.regions:
        for corner, size in boxes(region.target.shape, region.tile):
            yield region, corner, size
